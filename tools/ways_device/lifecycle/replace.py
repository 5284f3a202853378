"""Another id, or another login, for a device whose board is plugged in.

Nobody can give a device a new password: so a new device is registered into the spare identity
slot of the board, and once it reports, the old one is deleted, and its login with it. What moves
is name, description, tags, groups, profile and metadata; its readings and alarms do not.

Killed anywhere, the same command goes on: record.py knows how far it came, and the journal of
provisioning what became of the new device.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

from ways_device.context import Context
from ways_device.errors import BoardError, ConflictError, NotFoundError, UsageError
from ways_device.journal import Entry
from ways_device.lifecycle import belongings, profiles
from ways_device.lifecycle import board as plugged
from ways_device.lifecycle.belongings import Belongings
from ways_device.lifecycle.board import Plugged
from ways_device.lifecycle.record import REPLACE, Record, Records
from ways_device.lifecycle.wish import Outcome, Wish, request_for
from ways_device.provision import command
from ways_device.secrets import one_line
from ways_device.wifi import Network

HISTORY = "its readings, its alarms and its other history stay behind and are deleted with it"
GAP = (
    "between the deletion of the old login and the writing of the new one the board can log in "
    "with neither, and readings wait on it; the history on the platform is deleted"
)
# The states of a record after which the new device needs no board any more.
_REPORTED = ("reporting", "moved")


class Replacement:
    """One call of `replace`. look() changes nothing; run() does it, or the rest of it."""

    def __init__(
        self,
        wish: Wish,
        ask_networks: Callable[[], Sequence[Network]],
        context: Context,
        records: Records,
    ) -> None:
        """ask_networks is for a board that has no Wi-Fi networks of its own to keep."""
        self._wish = wish
        self._ask_networks = ask_networks
        self._context = context
        self._records = records
        self._platform = context.platform
        self._talk = context.talk
        self._board: Plugged | None = None
        self.record = self._known()

    def _known(self) -> Record | None:
        """Return what was begun; one that is done counts only while the old device is gone."""
        record = self._records.load(REPLACE, self._platform.origin, self._wish.old_id)
        if record and record.state == "done" and self._platform.device(record.device_id):
            return None
        if record and (record.new_id == record.device_id) != self._wish.same_id:
            raise ConflictError(
                f"another replacement of {record.device_id} was begun; finish it first: run it "
                f"again {'with' if record.new_id == record.device_id else 'without'} --same-id"
            )
        return record

    @property
    def is_done(self) -> bool:
        return self.record is not None and self.record.state == "done"

    def look(self) -> Record:
        """Return what is to be done, begun before or now. Nothing is changed, nothing saved.

        Raises ToolError before anything is changed if it cannot be.
        """
        if self.record is not None:
            return self.record
        old_id, platform = self._wish.old_id, self._platform
        with self._talk.step("looking at the device") as step:
            device = platform.device(old_id)
            if device is None:
                raise NotFoundError(f"there is no device {old_id}; ways-device list shows all")
            have = belongings.of(platform, old_id, device)
            if self._wish.name:
                have = replace(have, name=self._wish.name)
            step.say(", ".join([have.name, *have.tags]))
        board = self._look_at_board(old_id, None)
        have.profile_id = self._profile(have, board)
        new_id = old_id if self._wish.same_id else self._wish.new_id or self._free_id(board)
        if new_id == old_id and not self._wish.same_id:
            raise ConflictError(f"{old_id} is its id already; give another one to --device-id")
        if have.unknown_groups:
            names = ", ".join(one_line(name, 40) for name in have.unknown_groups[:5])
            self._talk.note(
                f"whether {old_id} is in a group the platform does not tell; look at {names}"
            )
        self.record = Record(
            REPLACE,
            platform.origin,
            old_id,
            new_id=new_id,
            board_id=board.unique_id,
            belongings=asdict(have),
        )
        return self.record

    def _look_at_board(self, old_id: str, record: Record | None) -> Plugged:
        """Ask the board who it is. Raises BoardError if it is one that must not be taken."""
        with self._talk.step("looking at the board") as step:
            board = plugged.glance(self._context.board)
            step.say(board.identity or "it has no identity")
        if record is not None and board.unique_id != record.board_id:
            raise BoardError(
                f"this replacement was begun with the board {record.board_id}; the one at "
                f"{board.port} is {board.unique_id}: plug the first one in"
            )
        ours = (None, old_id, *([record.new_id] if record else []))
        if board.unsent_bytes and board.identity == old_id:
            self._talk.note(
                f"the board keeps {1 + board.unsent_bytes // 1024} kB of readings that it has not "
                "sent; they are the old device's and will not be sent any more"
            )
        if board.identity not in ours and self._platform.device(board.identity or ""):
            raise BoardError(
                f"the board at {board.port} is the device {one_line(board.identity or '')}, which "
                "would lose its board; plug the right one in"
            )
        self._board = board
        return board

    def _profile(self, have: Belongings, board: Plugged) -> str:
        """Return the id of the profile it is to follow, "" if only its interval is known."""
        wanted = self._wish.profile
        known = self._platform.profiles()
        if wanted:
            found = [one for one in known if wanted in (one.id, one.name)]
            if not found:
                raise NotFoundError(f"--profile {wanted}: there is none of this name or id")
            return found[0].id
        if any(one.id == have.profile_id for one in known):
            return have.profile_id
        if known and not (board.identity == self._wish.old_id and board.settings):
            names = ", ".join(one_line(one.name, 40) for one in known[:8])
            raise UsageError(
                f"which profile {self._wish.old_id} follows neither the platform nor this board "
                f"tells: give --profile NAME; there are: {names}"
            )
        settings = profiles.settings_of(board.config)
        fitting = profiles.fitting(self._platform, settings) if settings else []
        return fitting[0].id if len(fitting) == 1 else ""

    def _free_id(self, board: Plugged) -> str:
        """Return an id that no device has: the board's, or that with a number behind it."""
        first = command.device_id_of(board.unique_id)
        number, chosen = 1, first
        while chosen == self._wish.old_id or self._platform.device(chosen) is not None:
            number += 1
            chosen = f"{first}-{number}"
        return chosen

    def run(self) -> Outcome:
        """Do what look() found, or the rest of it."""
        record = self.look()
        origin, old_id = record.origin, record.device_id
        with self._context.journal.lock(origin, f"{old_id}.replace"):
            if record.state == "begun":
                self._records.save(record)
            first = {} if record.state in (*_REPORTED, "done") else self._report(record)
            have = Belongings(**record.belongings)
            if record.state == "reporting":
                with self._talk.step("moving tags, groups, profile and metadata"):
                    if have.profile_id:
                        self._platform.apply_profile(have.profile_id, record.new_id)
                    belongings.move(self._platform, have, record.new_id, old_id)
                self._records.save(record, "moved")
            if record.state == "moved":
                self._end(record)
        return self._outcome(record, have, first)

    def _report(self, record: Record) -> dict[str, Any]:
        """Have the board report as the new device; return its first reading."""
        old_id = record.device_id
        board = self._board or self._look_at_board(old_id, record)
        if record.new_id == old_id and record.state == "begun":
            self._intend(record)
        context, networks = self._context, self._wish.networks
        if networks is None and board.identity in (old_id, record.new_id):
            # Of the board's own: they go from one of its identities to the other.
            context, networks = replace(context, board=plugged.keeping(context.board)), ()
        elif networks is None:
            networks = self._ask_networks()
        done = command.provision(request_for(self._wish, record, board), networks, context)
        record.new_id = done.device_id
        self._records.save(record, "reporting")
        return done.first_reading

    def _intend(self, record: Record) -> None:
        """Note that the device of this id is ours to delete and make again: provisioning does."""
        journal, origin, old_id = self._context.journal, record.origin, record.device_id
        metadata = (self._platform.device(old_id) or {}).get("metadata")
        board_id = metadata.get("board") if isinstance(metadata, dict) else None
        with journal.lock(origin, old_id):
            journal.save(Entry(origin, old_id, board_id=str(board_id or record.board_id)))
        self._records.save(record, "rotating")

    def _end(self, record: Record) -> None:
        """Delete the old device, whose login ends with it, and forget it here."""
        journal, origin, old_id = self._context.journal, record.origin, record.device_id
        if record.new_id == old_id:
            self._records.discard(record)
            record.state = "done"
            return
        with self._talk.step(f"deleting {old_id}"), journal.lock(origin, old_id):
            entry = journal.load(origin, old_id)
            self._platform.delete_device(entry.platform_id if entry else old_id)
            if entry is not None:
                journal.discard(entry)
            self._records.save(record, "done")

    def _outcome(self, record: Record, have: Belongings, first: dict[str, Any]) -> Outcome:
        profile = profiles.named(self._platform, have.profile_id)
        return Outcome(
            old_id=record.device_id,
            device_id=record.new_id,
            name=have.name,
            tags=have.tags,
            groups=have.groups,
            profile=profile.name if profile else "",
            not_moved="readings, alarms and other history of the old device",
            first_reading=first,
        )
