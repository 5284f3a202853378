"""The end of devices: deleted on the platform, forgotten here, their board cleared if asked."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ways_device.api.platform import Platform
from ways_device.board import Board
from ways_device.errors import BoardError, NotFoundError
from ways_device.journal import Journal
from ways_device.lifecycle import board as plugged
from ways_device.lifecycle.record import DECOMMISSION, Record, Records
from ways_device.secrets import one_line
from ways_device.talk import Talk


@dataclass
class Ended:
    """What became of one device."""

    device_id: str
    deleted: bool = False
    board_wiped: bool = False
    lost: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Decommission:
    """One call of the command: look() asks only, run() does."""

    def __init__(self, platform: Platform, journal: Journal, records: Records, talk: Talk) -> None:
        self._platform = platform
        self._journal = journal
        self._records = records
        self._talk = talk

    def look(self, device_ids: Sequence[str]) -> list[Ended]:
        """Return the devices with what is lost with them. Changes nothing.

        Raises NotFoundError for one that is neither on the platform nor in the journal.
        """
        return [self._look(device_id) for device_id in dict.fromkeys(device_ids)]

    def _look(self, device_id: str) -> Ended:
        platform = self._platform
        device = platform.device(device_id)
        if device is not None:
            return Ended(device_id, lost=lost(platform, device_id, device))
        begun = self._records.load(DECOMMISSION, platform.origin, device_id)
        if begun is None and self._journal.load(platform.origin, device_id) is None:
            raise NotFoundError(f"there is no device {device_id}; ways-device list shows all")
        return Ended(device_id, lost=["nothing: the platform has it no more"])

    def run(self, found: Sequence[Ended], board: Board | None) -> list[Ended]:
        """Delete the devices; clear the identity of the board, which has to be one of them.

        Raises BoardError before anything is deleted if it is another one.
        """
        ids = [one.device_id for one in found]
        wiped = self._check(board, ids) if board else None
        for one in found:
            with self._talk.step(f"deleting {one.device_id}"):
                self._delete(one.device_id)
            one.deleted = True
        if board and wiped:
            with self._talk.step("clearing the board's identity"):
                plugged.wipe(board, ids)
        for one in found:
            one.board_wiped = one.device_id == wiped
            self._records.discard(Record(DECOMMISSION, self._platform.origin, one.device_id))
        return list(found)

    def _check(self, board: Board, ids: Sequence[str]) -> str | None:
        """Return which of the devices the board is, None if it has no identity any more."""
        with self._talk.step("looking at the board") as step:
            identity = plugged.glance(board).identity
            step.say(identity or "it has no identity")
        if identity is not None and identity not in ids:
            raise BoardError(
                f"the board at {board.port} is {one_line(identity)}, not one of these devices; "
                "plug the right one in, or leave --wipe-board out"
            )
        return identity

    def _delete(self, device_id: str) -> None:
        origin = self._platform.origin
        with self._journal.lock(origin, device_id):
            self._records.save(Record(DECOMMISSION, origin, device_id))
            entry = self._journal.load(origin, device_id)
            self._platform.delete_device(entry.platform_id if entry else device_id)
            if entry is not None:
                self._journal.discard(entry)


def lost(platform: Platform, device_id: str, device: dict[str, Any]) -> list[str]:
    """Return in words what goes with a device that is deleted."""
    words = ["its login (the board cannot log in any more)"]
    words += _if(len(platform.latest(device_id)), "datapoint's readings", "datapoints' readings")
    words += _if(len(platform.alarms(device_id=device_id)), "alarm", "alarms")
    words += _if(len(platform.devices.tags(device_id)), "tag", "tags")
    if device.get("is_online") is True:
        words.append("it is online at this moment")
    return words


def _if(count: int, one: str, more: str) -> list[str]:
    return [f"{count} {one if count == 1 else more}"] if count else []
