"""Which board gets which row: by its chip id, by what it is already, else the next free row."""

import threading
from dataclasses import dataclass
from enum import Enum

from ways_device.board import Facts
from ways_device.errors import BoardError
from ways_device.fleet.sheet import Row
from ways_device.fleet.survey import State, Survey
from ways_device.secrets import one_line


class Fate(Enum):
    """What became of a row in this run."""

    LEFT = "left"
    BUSY = "busy"
    DONE = "done"
    FAILED = "failed"


class NoRowError(BoardError):
    """There is nothing to do for this board."""


@dataclass(frozen=True)
class Tally:
    """How far the fleet is. done counts what earlier runs did as well."""

    done: int
    failed: int
    left: int

    def __str__(self) -> str:
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.done} of {self.done + self.failed + self.left} done{failed}"


class Book:
    """The rows, and the boards that have them. Several threads may call it."""

    def __init__(self, survey: Survey, again: bool = False) -> None:
        """again is whether what earlier runs finished is done anew."""
        self._lock = threading.Lock()
        self.rows = [found.row for found in survey.rows]
        self._fates = dict.fromkeys((row.line for row in self.rows), Fate.LEFT)
        self._earlier = {found.row.line for found in survey.rows if found.state is State.DONE}
        conflicts = {found.row.line for found in survey.rows if found.state is State.CONFLICT}
        # For the boards that are these devices, not for any that comes.
        self._given = self._earlier | conflicts
        self._by_chip = {row.chip_id: row for row in self.rows if row.chip_id}
        self._by_id = {found.platform_id: found.row for found in survey.rows}
        self._ids = {found.row.line: found.platform_id for found in survey.rows}
        self._again = again
        # The board that a row was begun on; only that one has, or can be given, its login.
        self._begun = {found.row.line: found.board_id for found in survey.rows if found.board_id}

    def claim(self, facts: Facts) -> Row:
        """Return the row of a board, which nobody else has then. Raises BoardError."""
        with self._lock:
            row = self._row_of(facts)
            # A board that lost its identity is not what it was when it was done.
            is_earlier = row.line in self._earlier and facts.identity == self._ids[row.line]
            if self._fates[row.line] is Fate.LEFT and is_earlier and not self._again:
                raise NoRowError(f"{row.name}: done already; --again does it anew")
            if self._fates[row.line] is Fate.DONE:
                raise NoRowError(f"{row.name}: done; plug in the next board")
            if self._fates[row.line] is Fate.BUSY:
                raise BoardError(f"{row.name}: another board is being made this device")
            self._fates[row.line] = Fate.BUSY
            self._begun[row.line] = facts.unique_id
            return row

    def settle(self, row: Row, fate: Fate) -> None:
        """Say what became of a claimed row. One that is left stays with its board."""
        with self._lock:
            self._fates[row.line] = fate

    def tally(self) -> Tally:
        with self._lock:
            found = list(self._fates.items())
        done = sum(
            fate is Fate.DONE or (fate is Fate.LEFT and line in self._earlier)
            for line, fate in found
        )
        failed = sum(fate is Fate.FAILED for _, fate in found)
        return Tally(done, failed, len(found) - done - failed)

    def _row_of(self, facts: Facts) -> Row:
        row = self._by_chip.get(facts.unique_id)
        if row is not None:
            return row
        row = self._by_id.get(facts.identity or "")
        if row is not None:
            if row.chip_id:
                raise BoardError(
                    f"the board {facts.unique_id} holds the identity of {row.name}, whose chip_id "
                    f"is {row.chip_id}: look which is which before you go on"
                )
            return row
        for row in self.rows:
            if self._begun.get(row.line) == facts.unique_id and not row.chip_id:
                return row
        if facts.identity is not None:
            raise BoardError(
                f"the board {facts.unique_id} is {one_line(facts.identity, 64)} already, which "
                "this file has not; to make it another device, give a row its chip_id"
            )
        return self._next_free()

    def _next_free(self) -> Row:
        for row in self.rows:
            is_left = self._fates[row.line] is Fate.LEFT and not row.chip_id
            if is_left and row.line not in self._given and row.line not in self._begun:
                return row
        raise NoRowError("no row of the file is left for this board")
