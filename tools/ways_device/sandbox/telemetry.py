"""Measured values as the devices sent them."""

import json
import sqlite3
import time
from collections.abc import Callable
from typing import Any

from ways_device.sandbox import wire
from ways_device.sandbox.db import Db
from ways_device.sandbox.wire import Json, iso

_ITEM = """
SELECT t.measured_at, t.value, p.id, p.name, p.label, p.unit, p.data_type
FROM telemetry t JOIN datapoints p ON p.id = t.datapoint_id
"""


class Telemetry:
    def __init__(self, db: Db, clock: Callable[[], float] = time.time) -> None:
        self._db = db
        self._clock = clock

    def add(
        self, device_id: str, datapoint_id: str, value: Any, measured_at: float, received_at: float
    ) -> bool:
        """Keep one value. Returns False if the same value of the same moment is there already."""
        added = self._db.run(
            "INSERT OR IGNORE INTO telemetry VALUES (?, ?, ?, ?, ?)",
            device_id,
            datapoint_id,
            measured_at,
            wire.dump(value),
            received_at,
        )
        return added > 0

    def now(self) -> float:
        return self._clock()

    def between(
        self, device_id: str, start: float, end: float, datapoint: str | None, limit: int
    ) -> list[Json]:
        """Return what was measured from start to end, the newest first, at most limit.

        datapoint is the id or the key of one; None asks for all of them.
        """
        condition = " AND t.datapoint_id IN (SELECT id FROM datapoints WHERE ? IN (id, name))"
        rows = self._db.all(
            f"{_ITEM} WHERE t.device_id = ? AND t.measured_at BETWEEN ? AND ?"
            f"{condition if datapoint else ''}"
            " ORDER BY t.measured_at DESC, p.name LIMIT ?",
            device_id,
            start,
            end,
            *([datapoint] if datapoint else []),
            limit,
        )
        return [_view(row) for row in rows]

    def latest(self, device_id: str) -> list[Json]:
        """Return the newest value of each datapoint, by name."""
        newest = (
            f"{_ITEM} WHERE t.device_id = ? AND t.datapoint_id = ?"
            " ORDER BY t.measured_at DESC, t.received_at DESC LIMIT 1"
        )
        datapoints = self._db.all("SELECT id FROM datapoints ORDER BY name")
        rows = (self._db.one(newest, device_id, datapoint["id"]) for datapoint in datapoints)
        return [_view(row) for row in rows if row is not None]


def _view(row: sqlite3.Row) -> Json:
    return {
        "datapoint_id": row["id"],
        "name": row["name"],
        "label": row["label"],
        "unit": row["unit"],
        "data_type": row["data_type"],
        "measured_at": iso(row["measured_at"]),
        "value": json.loads(row["value"]),
    }
