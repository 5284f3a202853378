"""What a user asks of `replace`, what provisioning is asked for then, and what came of it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ways_device.lifecycle import board as plugged
from ways_device.lifecycle import profiles
from ways_device.lifecycle.belongings import Belongings
from ways_device.lifecycle.board import Plugged
from ways_device.lifecycle.record import Record
from ways_device.provision.request import Request
from ways_device.wifi import Network


@dataclass(frozen=True)
class Wish:
    """request has what provisioning would be asked of a blank board. None: as it was."""

    old_id: str
    request: Request
    name: str | None = None
    new_id: str | None = None
    profile: str | None = None
    same_id: bool = False
    networks: Sequence[Network] | None = None


@dataclass(frozen=True)
class Outcome:
    """What was done, for people and for --json."""

    old_id: str
    device_id: str
    name: str
    tags: list[str]
    groups: list[str]
    profile: str
    not_moved: str
    first_reading: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def request_for(wish: Wish, record: Record, board: Plugged) -> Request:
    """Return what provisioning is asked for: with the board's own settings, if it has any."""
    have = Belongings(**record.belongings)
    own = board.settings if board.identity in (record.device_id, record.new_id) else None
    known = profiles.settings_of(board.config) if own else None
    asked = replace(
        wish.request,
        name=have.name,
        device_id=record.new_id,
        profile=have.profile_id or None,
        interval_s=None if have.profile_id or not known else known.interval_s,
    )
    if own is None:
        return asked
    return replace(
        asked,
        sensors=own["sensors"],
        log_level=own.get("log_level", asked.log_level),
        for_sandbox=own.get("telemetry_sequence", asked.for_sandbox),
        settings={**plugged.own_settings(own), **asked.settings},
    )
