"""Alarms: one open alarm per rule and device, from triggered to resolved, with a timeline.

    trigger      -> active
    acknowledge  active -> acknowledged
    resolve      active, acknowledged -> resolved
    reopen       resolved -> active, unless the same rule has opened another one since

Any other step is refused. The reference names the states and the steps; which step is allowed
from which state is assumed.
"""

import sqlite3
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ways_device.sandbox.api_errors import AbsentError, TakenError
from ways_device.sandbox.db import Db
from ways_device.sandbox.paging import Window
from ways_device.sandbox.rules import Rule
from ways_device.sandbox.timeline import API, ENGINE, Timeline
from ways_device.sandbox.wire import Json, iso

STATUSES = ("active", "acknowledged", "resolved")
SEVERITIES = ("critical", "warning", "info")


@dataclass(frozen=True)
class Change:
    """What happened to an alarm: triggered, acknowledged, resolved or reopened."""

    event_type: str
    # The alarm as the API shows it, after the change.
    alarm: Json
    occurred_at: float


@dataclass(frozen=True)
class AlarmFilter:
    """Which alarms a list shows. None means any."""

    status: str | None = None
    severity: str | None = None
    device_id: str | None = None
    rule_id: str | None = None

    def where(self) -> tuple[str, list[Any]]:
        """Return the condition in SQL and its values."""
        given = {name: value for name, value in vars(self).items() if value is not None}
        return " AND ".join(f"{name} = ?" for name in given) or "1", list(given.values())


class Alarms:
    """on_change is called within the transaction of the change."""

    def __init__(
        self, db: Db, on_change: Callable[[Change], None], clock: Callable[[], float] = time.time
    ) -> None:
        self._db = db
        self._on_change = on_change
        self._clock = clock
        self._timeline = Timeline(db, clock)

    def trigger(self, rule: Rule, device_id: str, title: str, message: str) -> Json:
        """Open an alarm, or count one more occurrence of the open one. Returns the alarm.

        Raises sqlite3.IntegrityError if the rule or the device is not there any more.
        """
        with self._db.transaction():
            alarm_id = self._open_id(rule.id, device_id)
            if alarm_id is not None:
                return self._repeat(alarm_id, message)
            alarm_id, now = str(uuid.uuid4()), self._clock()
            self._db.run(
                "INSERT INTO alarms (id, device_id, rule_id, rule_name, severity, title, message,"
                " status, triggered_at, occurrence_count, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, 'active', ?, 1, ?)",
                *(alarm_id, device_id, rule.id, rule.name, rule.severity, title, message),
                *(now, now),
            )
            return self._tell(alarm_id, "triggered", ENGINE, None, {"severity": rule.severity})

    def clear(self, rule: Rule, device_id: str) -> None:
        """Resolve the rule's open alarm of the device, if there is one, as the rule engine."""
        alarm_id = self._open_id(rule.id, device_id)
        if alarm_id is not None:
            self.resolve(alarm_id, None, ENGINE)

    def acknowledge(self, alarm_id: str, note: str | None, actor: str = API) -> Json:
        """Returns the alarm. Raises AbsentError, TakenError unless it is active."""
        self._check_status(alarm_id, ("active",), "acknowledged")
        changes = {"status": "acknowledged", "acknowledged_at": self._clock()}
        return self._step(alarm_id, "acknowledged", note, actor, changes)

    def resolve(self, alarm_id: str, note: str | None, actor: str = API) -> Json:
        """Returns the alarm. Raises AbsentError, TakenError if it is resolved already."""
        self._check_status(alarm_id, ("active", "acknowledged"), "resolved")
        changes = {"status": "resolved", "resolved_at": self._clock()}
        return self._step(alarm_id, "resolved", note, actor, changes)

    def reopen(self, alarm_id: str, note: str | None, actor: str = API) -> Json:
        """Make a resolved alarm active again. Returns it.

        Raises AbsentError; TakenError unless it is resolved and its rule has no other open one.
        """
        row = self._check_status(alarm_id, ("resolved",), "reopened")
        other = self._open_id(row["rule_id"], row["device_id"])
        if other is not None:
            raise TakenError(
                f"Alarm {alarm_id} cannot be reopened: its rule has alarm {other} open by now"
            )
        changes = {"status": "active", "acknowledged_at": None, "resolved_at": None}
        return self._step(alarm_id, "reopened", note, actor, changes)

    def page(self, which: AlarmFilter, window: Window) -> Json:
        """Return a part of the list, the newest first."""
        where, values = which.where()
        total = self._db.scalar(f"SELECT count(*) FROM alarms WHERE {where}", *values)
        rows = self._db.all(
            f"SELECT * FROM alarms WHERE {where}"
            " ORDER BY triggered_at DESC, rowid DESC LIMIT ? OFFSET ?",
            *values,
            window.limit,
            window.offset,
        )
        alarms = [_view(row) for row in rows]
        return {
            "alarms": [{key: alarm[key] for key in _SUMMARY} for alarm in alarms],
            "total": total,
            **window.shown(),
        }

    def summary(self) -> Json:
        """Return how many alarms there are. by_severity counts the open ones (assumed)."""
        by_status = dict.fromkeys(STATUSES, 0)
        by_severity = dict.fromkeys(SEVERITIES, 0)
        sql = "SELECT status, severity, count(*) AS number FROM alarms GROUP BY status, severity"
        for row in self._db.all(sql):
            by_status[row["status"]] += row["number"]
            if row["status"] != "resolved":
                by_severity[row["severity"]] += row["number"]
        open_total = by_status["active"] + by_status["acknowledged"]
        return {"by_status": by_status, "by_severity": by_severity, "active_total": open_total}

    def get(self, alarm_id: str) -> Json:
        """Return the alarm as the API shows it. Raises AbsentError."""
        return _view(self._row(alarm_id))

    def timeline(self, alarm_id: str) -> list[Json]:
        """Return what happened to the alarm, in that order. Raises AbsentError."""
        self._row(alarm_id)
        return self._timeline.of(alarm_id)

    def _open_id(self, rule_id: str | None, device_id: str) -> str | None:
        found: str | None = self._db.scalar(
            "SELECT id FROM alarms WHERE rule_id = ? AND device_id = ? AND status <> 'resolved'",
            rule_id,
            device_id,
        )
        return found

    def _repeat(self, alarm_id: str, message: str) -> Json:
        sql = "UPDATE alarms SET occurrence_count = occurrence_count + 1 WHERE id = ?"
        self._db.run(sql, alarm_id)
        alarm = self.get(alarm_id)
        metadata = {"occurrence_count": alarm["occurrence_count"], "message": message}
        self._timeline.repeated(alarm_id, metadata)
        return alarm

    def _check_status(self, alarm_id: str, allowed: tuple[str, ...], step: str) -> sqlite3.Row:
        row = self._row(alarm_id)
        if row["status"] not in allowed:
            raise TakenError(f"Alarm {alarm_id} is {row['status']} and cannot be {step}")
        return row

    def _step(
        self, alarm_id: str, event_type: str, note: str | None, actor: str, changes: Json
    ) -> Json:
        names = ", ".join(f"{name} = ?" for name in changes)
        with self._db.transaction():
            self._db.run(f"UPDATE alarms SET {names} WHERE id = ?", *changes.values(), alarm_id)
            return self._tell(alarm_id, event_type, actor, note, None)

    def _tell(
        self, alarm_id: str, event_type: str, actor: str, note: str | None, metadata: Json | None
    ) -> Json:
        """Enter a change into the timeline and pass it on. Returns the alarm."""
        occurred_at = self._timeline.enter(alarm_id, event_type, actor, note, metadata)
        alarm = self.get(alarm_id)
        self._on_change(Change(event_type, alarm, occurred_at))
        return alarm

    def _row(self, alarm_id: str) -> sqlite3.Row:
        row = self._db.one("SELECT * FROM alarms WHERE id = ?", alarm_id)
        if row is None:
            raise AbsentError(f"Alarm {alarm_id} not found")
        return row


_SUMMARY = (
    *("id", "device_id", "severity", "title"),
    *("status", "triggered_at", "occurrence_count"),
)


def _view(row: sqlite3.Row) -> Json:
    same = ("id", "device_id", "rule_id", "rule_name", "severity", "title", "message", "status")
    return {
        **{key: row[key] for key in same},
        "triggered_at": iso(row["triggered_at"]),
        "occurrence_count": row["occurrence_count"],
        "acknowledged_at": iso(row["acknowledged_at"]),
        "resolved_at": iso(row["resolved_at"]),
        "created_at": iso(row["created_at"]),
    }
