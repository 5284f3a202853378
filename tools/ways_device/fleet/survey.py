"""What account and journal say about the rows of a sheet. Changes nothing anywhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from ways_device.api.platform import Platform, Subscription
from ways_device.errors import ApiError, AuthError, NotFoundError, UsageError
from ways_device.fleet.datapoints import told_by
from ways_device.fleet.sheet import Row
from ways_device.journal import Entry, Journal
from ways_device.provision.account import Account


class State(Enum):
    NEW = "new"
    BEGUN = "begun"
    DONE = "done"
    CONFLICT = "conflict"


@dataclass(frozen=True)
class Found:
    """One row, and how far it is. board_id is the board it was begun on, "" for none."""

    row: Row
    state: State
    note: str = ""
    platform_id: str = ""
    board_id: str = ""
    # The device as the platform lists it, empty where it has none.
    device: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Survey:
    rows: list[Found]

    def count(self, state: State) -> int:
        return sum(found.state is state for found in self.rows)


@dataclass(frozen=True)
class Lacks:
    """What the account lacks of what the rows need. problems are what nobody can go on with."""

    profiles: list[str]
    datapoints: list[str]
    groups: list[str]
    problems: list[str]


def survey(rows: Sequence[Row], platform: Platform, journal: Journal) -> Survey:
    """Ask the platform for its devices, and the journal about each row."""
    listed = {str(item.get("device_id") or ""): item for item in platform.devices.all()}
    return Survey(
        [_found(row, journal.load(platform.origin, row.device_id), listed) for row in rows]
    )


def _found(row: Row, entry: Entry | None, listed: dict[str, dict[str, Any]]) -> Found:
    platform_id = entry.platform_id if entry else row.device_id
    device = listed.get(platform_id, {})
    state, note = _state(row, entry, bool(device))
    # A device that is gone is any board's to be.
    board_id = entry.board_id if entry and state is not State.NEW else ""
    return Found(row, state, note, platform_id, board_id, device)


def _state(row: Row, entry: Entry | None, is_there: bool) -> tuple[State, str]:
    if entry is None:
        if is_there:
            return State.CONFLICT, "exists, and was not made by this computer"
        return State.NEW, ""
    if row.chip_id and entry.board_id not in ("", row.chip_id) and is_there:
        return State.CONFLICT, f"was begun on board {entry.board_id}"
    if entry.state != "done":
        return State.BEGUN, entry.state
    if is_there:
        return State.DONE, ""
    return State.NEW, "was deleted on the platform"


def lacks(
    rows: Sequence[Row],
    platform: Platform,
    account: Account,
    source: Path,
    drivers: Mapping[str, str],
) -> Lacks:
    """Return what is still to be made, and what cannot be: a profile that somebody named.

    drivers     {kind: source} of the sensors besides those of the agent in source
    """
    problems: list[str] = []
    profiles: list[str] = []
    for request in {
        (row.request.profile, row.request.interval_s): row.request for row in rows
    }.values():
        try:
            choice = account.choose_profile(request)
        except (NotFoundError, UsageError) as exc:
            problems.append(str(exc).removeprefix("--"))
            continue
        if not choice.profile.id:
            profiles.append(choice.profile.name)
    wanted = {row.request.group for row in rows if row.request.group}
    there = {str(group.get("name") or "") for group in platform.groups.all()}
    points, unknown = told_by([row.request for row in rows], source, drivers)
    problems += [
        f"sensors: this agent has no sensor {kind}; one of your own goes with --driver {kind}.py"
        for kind in unknown
    ]
    known = platform.datapoints()
    problems += [
        f"datapoint {key} is a {known[key].data_type} on the account, the sensor tells a {told}"
        for key, told in points.items()
        if key in known and known[key].data_type not in ("", told)
    ]
    missing = [key for key in points if key not in known]
    return Lacks(profiles, missing, sorted(wanted - there), problems)


def subscription(platform: Platform) -> Subscription:
    """Return the account's plan; one that tells nothing where the platform has no such call."""
    try:
        return platform.subscription()
    except AuthError:
        raise
    except ApiError:
        return Subscription("", None, None)
