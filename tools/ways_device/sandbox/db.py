"""The one SQLite database of a sandbox. Used from the event loop's thread only."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ways_device.errors import ToolError
from ways_device.sandbox.schema import STEPS


class Db:
    """A connection with short verbs. A write outside transaction() commits at once.

    All of them raise ToolError when the file cannot be read or written, on a full disk say, and
    sqlite3.IntegrityError when a row breaks a rule of its table.
    """

    def __init__(self, path: Path | str) -> None:
        """Open the database at path, make the tables that it lacks.

        Raises ToolError if the file is no database or was made by a newer version.
        """
        try:
            self._connection = sqlite3.connect(path, isolation_level=None)
            self._connection.row_factory = sqlite3.Row
            # WAL with NORMAL: a commit survives the death of this process without an fsync each.
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute("PRAGMA foreign_keys = ON")
            self._prepare(path)
        except sqlite3.Error as exc:
            raise ToolError(
                f"{path} cannot be used: {exc}; remove it or give another --state"
            ) from exc

    def _prepare(self, path: Path | str) -> None:
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(STEPS):
            raise ToolError(
                f"{path} has layout {version}, this version knows {len(STEPS)}:"
                " give another --state"
            )
        for number, step in enumerate(STEPS[version:], version + 1):
            script = f"BEGIN; {step} PRAGMA user_version = {number}; COMMIT;"
            self._connection.executescript(script)

    def run(self, sql: str, *values: Any) -> int:
        """Execute one statement. Returns the number of rows it changed."""
        return self._execute(sql, values).rowcount

    def one(self, sql: str, *values: Any) -> sqlite3.Row | None:
        """Return the first row, or None."""
        row: sqlite3.Row | None = self._execute(sql, values).fetchone()
        return row

    def scalar(self, sql: str, *values: Any) -> Any:
        """Return the first column of the first row, None without a row."""
        row = self.one(sql, *values)
        return None if row is None else row[0]

    def all(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        return self._execute(sql, values).fetchall()

    def _execute(self, sql: str, values: Iterable[Any]) -> sqlite3.Cursor:
        try:
            return self._connection.execute(sql, tuple(values))
        except sqlite3.OperationalError as exc:
            raise ToolError(f"the sandbox's database cannot be used: {exc}") from exc

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing for the writes inside; may be nested."""
        nested = self._connection.in_transaction
        begin, keep, undo = (
            ("SAVEPOINT inner", "RELEASE inner", "ROLLBACK TO inner")
            if nested
            else ("BEGIN IMMEDIATE", "COMMIT", "ROLLBACK")
        )
        self.run(begin)
        try:
            yield
        except BaseException:
            self.run(undo)
            if nested:
                self.run(keep)  # a rolled back savepoint stays open until it is released
            raise
        self.run(keep)

    def close(self) -> None:
        self._connection.close()
