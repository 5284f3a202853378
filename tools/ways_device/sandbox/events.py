"""Everything devices reported on their events topic."""

import json
import sqlite3

from ways_device.sandbox.db import Db
from ways_device.sandbox.wire import Json, dump, iso


class Events:
    def __init__(self, db: Db) -> None:
        self._db = db

    def add(
        self,
        device_id: str,
        event_type: str,
        metadata: Json,
        occurred_at: float | None,
        received_at: float,
    ) -> None:
        """Keep one event. One that arrives twice is kept twice: only its reader can tell."""
        self._db.run(
            "INSERT INTO events (device_id, event_type, metadata, occurred_at, received_at)"
            " VALUES (?, ?, ?, ?, ?)",
            device_id,
            event_type,
            dump(metadata),
            occurred_at,
            received_at,
        )

    def last(self, device_id: str, event_type: str, count: int) -> list[Json]:
        """Return the device's last events of a type, the newest first."""
        rows = self._db.all(
            "SELECT * FROM events WHERE device_id = ? AND event_type = ? ORDER BY id DESC LIMIT ?",
            device_id,
            event_type,
            count,
        )
        return [_view(row) for row in rows]

    def of(self, device_id: str, event_types: tuple[str, ...] = ()) -> list[Json]:
        """Return the device's events in the order they arrived, all types if none is named."""
        marks = ", ".join("?" * len(event_types))
        condition = f" AND event_type IN ({marks})" if event_types else ""
        rows = self._db.all(
            f"SELECT * FROM events WHERE device_id = ?{condition} ORDER BY id",
            device_id,
            *event_types,
        )
        return [_view(row) for row in rows]


def _view(row: sqlite3.Row) -> Json:
    return {
        "event_type": row["event_type"],
        "metadata": json.loads(row["metadata"]),
        "timestamp": iso(row["occurred_at"]),
        "received_at": iso(row["received_at"]),
    }
