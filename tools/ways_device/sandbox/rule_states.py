"""What is kept of a rule and a device, so that a restart of the sandbox changes nothing."""

import sqlite3
from dataclasses import dataclass

from ways_device.sandbox.db import Db

_SOME = "holds_since IS NOT NULL OR is_unhealthy"
_NOTHING_HOLDS = "SET holds_since = NULL, due_at = NULL, is_unhealthy = 0"
_ONE = "rule_id = ? AND device_id = ?"


@dataclass(frozen=True)
class State:
    """Of one rule and one device.

    holds_since: since when the condition holds, in the time of what it is about (measured_at)
    due_at: when it will have held for long enough, in the sandbox's time
    is_told: the rule has told of this condition, and has not seen its end
    acted_at: when it last opened an alarm or sent a webhook
    """

    holds_since: float | None = None
    due_at: float | None = None
    is_told: bool = False
    acted_at: float | None = None


_NONE = State()


class States:
    def __init__(self, db: Db) -> None:
        self._db = db

    def of(self, rule_id: str, device_id: str) -> State:
        row = self._db.one(f"SELECT * FROM rule_states WHERE {_ONE}", rule_id, device_id)
        return _NONE if row is None else state(row)

    def hold(self, rule_id: str, device_id: str, since: float, due_at: float) -> None:
        """The condition holds."""
        self._db.run(
            "INSERT INTO rule_states (rule_id, device_id, holds_since, due_at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET holds_since = excluded.holds_since,"
            " due_at = excluded.due_at",
            rule_id,
            device_id,
            since,
            due_at,
        )

    def mark_unhealthy(self, rule_id: str, device_id: str) -> None:
        sql = f"UPDATE rule_states SET is_unhealthy = 1 WHERE {_ONE}"
        self._db.run(sql, rule_id, device_id)

    def tell(self, rule_id: str, device_id: str, acted_at: float | None) -> None:
        """The rule has told. acted_at is None if that was no act, which starts no cooldown."""
        self._db.run(
            f"UPDATE rule_states SET is_told = 1, acted_at = coalesce(?, acted_at) WHERE {_ONE}",
            acted_at,
            rule_id,
            device_id,
        )

    def end(self, rule_id: str, device_id: str) -> None:
        """The condition is over. When the rule acted last is kept, for its cooldown."""
        with self._db.transaction():
            sql = f"UPDATE rule_states {_NOTHING_HOLDS}, is_told = 0 WHERE {_ONE}"
            self._db.run(sql, rule_id, device_id)
            sql = f"DELETE FROM rule_states WHERE {_ONE} AND acted_at IS NULL"
            self._db.run(sql, rule_id, device_id)

    def due(self, rule_id: str, now: float, is_marking: bool) -> list[str]:
        """Return the devices for which something is to be done about what has held long enough.

        That is to tell of it, or, if the rule does that, to mark the device as unhealthy.
        """
        rows = self._db.all(
            "SELECT device_id FROM rule_states WHERE rule_id = ? AND due_at <= ?"
            " AND (NOT is_told OR (? AND NOT is_unhealthy))",
            rule_id,
            now,
            is_marking,
        )
        return [row["device_id"] for row in rows]

    def pairs(self) -> set[tuple[str, str]]:
        """Return (rule, device) wherever something holds or was told of."""
        sql = f"SELECT rule_id, device_id FROM rule_states WHERE {_SOME} OR is_told"
        return {(row["rule_id"], row["device_id"]) for row in self._db.all(sql)}

    def release_outside(self, rule_id: str, covered: str, scope_id: str | None) -> None:
        """Nothing holds any more for devices that the rule does not cover, see scopes.covered."""
        self._db.run(
            f"UPDATE rule_states {_NOTHING_HOLDS} WHERE rule_id = ? AND ({_SOME}) AND NOT EXISTS"
            " (SELECT 1 FROM devices d WHERE d.device_id = rule_states.device_id"
            f" AND {covered})",
            rule_id,
            scope_id,
        )

    def postpone(self, due_at: float) -> None:
        """Nothing is due before due_at."""
        self._db.run("UPDATE rule_states SET due_at = ? WHERE due_at < ?", due_at, due_at)


def state(row: sqlite3.Row) -> State:
    return State(row["holds_since"], row["due_at"], bool(row["is_told"]), row["acted_at"])


def release(db: Db, rule_id: str) -> None:
    """Nothing holds any more for the rule. What it told of may still be over later."""
    db.run(f"UPDATE rule_states {_NOTHING_HOLDS} WHERE rule_id = ?", rule_id)
