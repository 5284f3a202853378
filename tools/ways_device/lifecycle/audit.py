"""Platform, journal and boards compared: what does not belong together, and what to do about it.

finding         meaning
unfinished      provisioning began the device here and never finished; the platform has it
orphan          unfinished, never seen, on no board that is plugged in, and provably ours
journal_only    the journal knows a device that the platform does not have
begun           a replacement or a decommissioning was begun and not finished
board_gone      a board's identity names a device that the platform does not have
board_spare     a board without an identity
board_silent    a board that could not be asked
never_seen      a device of the account that never reported

An orphan is ours by the journal, which noted that it did not exist before, and by its metadata,
which name the board it was made for. Nothing else is ever deleted here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ways_device.advice import advised
from ways_device.api.platform import Platform
from ways_device.errors import BoardError, ToolError
from ways_device.journal import Entry, Journal
from ways_device.lifecycle.board import Plugged
from ways_device.lifecycle.record import Records
from ways_device.talk import Talk

ORPHAN = "orphan"


@dataclass
class Finding:
    """One thing that is not as it should be. deleted tells that it was put right."""

    finding: str
    device_id: str
    detail: str
    todo: str
    deleted: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def as_lines(self) -> list[str]:
        """Return it for people, 80 columns wide."""
        words = f"{self.device_id}: {self.detail}" if self.device_id else self.detail
        kind = "deleted" if self.deleted else self.finding
        return advised(f"{kind:12}  ", words, "" if self.deleted else self.todo)


class Audit:
    """One comparison. boards are those plugged in as they were found, or why one was not."""

    def __init__(
        self,
        platform: Platform,
        journal: Journal,
        records: Records,
        boards: Sequence[Plugged | BoardError],
    ) -> None:
        self._platform = platform
        self._journal = journal
        self._boards = [board for board in boards if isinstance(board, Plugged)]
        self._silent = [board for board in boards if isinstance(board, BoardError)]
        self._entries = journal.entries(platform.origin)
        self._records = records.all(platform.origin)
        self._devices = {str(device.get("device_id")): device for device in platform.devices.all()}
        self._plugged = {board.identity: board for board in self._boards if board.identity}

    def findings(self) -> list[Finding]:
        """Return all that does not belong together. Changes nothing."""
        found = [
            *self._of_the_journal(),
            *self._of_the_records(),
            *self._of_the_boards(),
        ]
        known = {one.device_id for one in found}
        return [*found, *(one for one in self._never_seen() if one.device_id not in known)]

    def _of_the_journal(self) -> Iterator[Finding]:
        for entry in self._entries:
            device_id = entry.platform_id
            if device_id not in self._devices:
                yield Finding(
                    "journal_only",
                    device_id,
                    f"journal: {entry.state}; the platform does not have it",
                    f"ways-device decommission {device_id} forgets it, provision makes it anew",
                )
            elif entry.state != "done":
                yield self._unfinished(entry)

    def _unfinished(self, entry: Entry) -> Finding:
        device_id, detail = entry.platform_id, f"begun, came as far as {entry.state!r}"
        again = f"finish it: provision --device-id {entry.device_id} with its board plugged in"
        if self._is_orphan(entry):
            return Finding(ORPHAN, device_id, f"{detail}; never seen", f"{again}, or delete it")
        return Finding("unfinished", device_id, detail, again)

    def _is_orphan(self, entry: Entry) -> bool:
        device = self._devices[entry.platform_id]
        if _was_seen(device) or entry.platform_id in self._plugged:
            return False
        whole = self._platform.device(entry.platform_id) or {}
        metadata = whole.get("metadata")
        board = metadata.get("board") if isinstance(metadata, dict) else None
        return bool(board) and board == entry.board_id and not _was_seen(whole)

    def _of_the_records(self) -> Iterator[Finding]:
        for record in self._records:
            if record.state != "done":
                yield Finding(
                    "begun",
                    record.device_id,
                    f"{record.kind} came as far as {record.state!r}",
                    f"run ways-device {record.kind} {record.device_id} again",
                )

    def _of_the_boards(self) -> Iterator[Finding]:
        for exc in self._silent:
            fact, _, remedy = str(exc).partition("; ")
            yield Finding("board_silent", "", fact, remedy or "run the audit again")
        for board in self._boards:
            if board.identity is None:
                todo = "ways-device provision makes it a device"
                yield Finding("board_spare", "", f"board at {board.port}: no identity", todo)
            elif board.identity not in self._devices:
                yield Finding(
                    "board_gone",
                    board.identity,
                    f"board at {board.port}: the account has no such device",
                    "provision the board, or is it another account's?",
                )

    def _never_seen(self) -> Iterator[Finding]:
        for device_id, device in self._devices.items():
            if not _was_seen(device):
                yield Finding(
                    "never_seen",
                    device_id,
                    "it never reported",
                    f"plug its board in: ways-device doctor; or decommission {device_id}",
                )

    def delete_orphans(self, found: Sequence[Finding], talk: Talk) -> None:
        """Delete the orphans among these, each looked at once more with others kept off it."""
        entries = {entry.platform_id: entry for entry in self._entries}
        for one in found:
            if one.finding == ORPHAN:
                with talk.step(f"deleting {one.device_id}"):
                    self._delete(entries[one.device_id])
                one.deleted = True

    def _delete(self, noted: Entry) -> None:
        with self._journal.lock(noted.origin, noted.device_id):
            entry = self._journal.load(noted.origin, noted.device_id)
            if entry is None or entry.state == "done" or not self._is_orphan(entry):
                raise ToolError(f"{noted.platform_id} is no orphan any more; run the audit again")
            self._platform.delete_device(entry.platform_id)
            self._journal.discard(entry)


def _was_seen(device: dict[str, Any]) -> bool:
    return bool(device.get("last_seen")) or device.get("is_online") is True
