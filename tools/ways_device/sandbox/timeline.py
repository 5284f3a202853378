"""The timelines of alarms: what happened to each, who did it, when."""

import json
import time
from collections.abc import Callable

from ways_device.sandbox import wire
from ways_device.sandbox.db import Db
from ways_device.sandbox.wire import Json, iso

ENGINE = "rule_engine"
# The sandbox has one key and no users, so whoever calls has no name.
API = "api"
_REPEATED = "repeated"


class Timeline:
    def __init__(self, db: Db, clock: Callable[[], float] = time.time) -> None:
        self._db = db
        self._clock = clock

    def enter(
        self, alarm_id: str, event_type: str, actor: str, note: str | None, metadata: Json | None
    ) -> float:
        """Add an entry. Returns its time."""
        now = self._clock()
        self._db.run(
            "INSERT INTO alarm_events (alarm_id, event_type, actor, note, metadata, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            *(alarm_id, event_type, actor, note, wire.dump(metadata), now),
        )
        return now

    def repeated(self, alarm_id: str, metadata: Json) -> None:
        """Say that the alarm occurred once more.

        All occurrences from one step to the next are one entry, that of the last of them.
        """
        last = self._db.one(
            "SELECT id, event_type FROM alarm_events WHERE alarm_id = ? ORDER BY id DESC LIMIT 1",
            alarm_id,
        )
        if last is None or last["event_type"] != _REPEATED:
            self.enter(alarm_id, _REPEATED, ENGINE, None, metadata)
            return
        update = "UPDATE alarm_events SET metadata = ?, created_at = ? WHERE id = ?"
        self._db.run(update, wire.dump(metadata), self._clock(), last["id"])

    def of(self, alarm_id: str) -> list[Json]:
        """Return the entries of an alarm in the order they happened."""
        rows = self._db.all("SELECT * FROM alarm_events WHERE alarm_id = ? ORDER BY id", alarm_id)
        return [
            {
                "id": row["id"],
                "event_type": row["event_type"],
                "actor": row["actor"],
                "note": row["note"],
                "metadata": json.loads(row["metadata"]),
                "created_at": iso(row["created_at"]),
            }
            for row in rows
        ]
