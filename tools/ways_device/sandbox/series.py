"""A device's measured values, thinned out for a chart: one point for each step of time."""

import json
import sqlite3
import time
from collections.abc import Callable
from typing import Any

from ways_device.sandbox.db import Db
from ways_device.sandbox.wire import Json

DATAPOINTS_MAX = 50
# The newest so many values of a datapoint are looked at: what the event loop can spare for one.
ROWS_MAX = 20_000
_TEXT_MAX = 120

_POINTS = """
WITH newest AS (
    SELECT measured_at, value FROM telemetry
    WHERE device_id = ? AND datapoint_id = ? AND measured_at BETWEEN ? AND ?
    ORDER BY measured_at DESC LIMIT ?
), steps AS (
    SELECT count(*) AS readings, max(measured_at) AS at, min(value) <> max(value) AS is_mixed,
        min(CAST(value AS REAL)) AS low, max(CAST(value AS REAL)) AS high
    FROM newest GROUP BY CAST(measured_at / ? AS INTEGER)
)
SELECT steps.*, (
    SELECT value FROM telemetry
    WHERE device_id = ? AND datapoint_id = ? AND measured_at = at
    ORDER BY received_at DESC LIMIT 1
) AS value FROM steps ORDER BY at
"""


class Series:
    def __init__(self, db: Db, clock: Callable[[], float] = time.time) -> None:
        self._db = db
        self._clock = clock

    def now(self) -> float:
        return self._clock()

    def datapoints(self, device_id: str) -> list[Json]:
        """Return the datapoints of which the device has sent values, by name."""
        rows = self._db.all(
            "SELECT id, name, label, unit, data_type FROM datapoints p WHERE EXISTS ("
            " SELECT 1 FROM telemetry t WHERE t.device_id = ? AND t.datapoint_id = p.id"
            ") ORDER BY name LIMIT ?",
            device_id,
            DATAPOINTS_MAX,
        )
        return [
            {"datapoint_id": row["id"], **dict(zip(_NAMES, row[1:], strict=True))} for row in rows
        ]

    def points(
        self, device_id: str, datapoint: Json, end: float, span_s: float, steps: int
    ) -> Json:
        """Return the datapoint's values of the last span_s seconds before end.

        points      the last value of each step, oldest first: [measured_at, value, low, high] for
                    numbers, [measured_at, value, is_mixed] for others; times in Unix seconds
        is_whole    false if there were more values than are looked at: the oldest are left out
        """
        rows = self._db.all(
            _POINTS,
            device_id,
            datapoint["datapoint_id"],
            end - span_s,
            end,
            ROWS_MAX,
            span_s / steps,
            device_id,
            datapoint["datapoint_id"],
        )
        view = _number if datapoint["data_type"] == "number" else _state
        return {
            "points": [view(row) for row in rows],
            "is_whole": sum(row["readings"] for row in rows) < ROWS_MAX,
        }


_NAMES = ("name", "label", "unit", "data_type")


def _number(row: sqlite3.Row) -> list[Any]:
    return [row["at"], json.loads(row["value"]), row["low"], row["high"]]


def _state(row: sqlite3.Row) -> list[Any]:
    value = json.loads(row["value"])
    return [
        row["at"],
        value[:_TEXT_MAX] if isinstance(value, str) else value,
        bool(row["is_mixed"]),
    ]
