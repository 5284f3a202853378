"""Datapoint definitions: which keys of telemetry are kept, and of which type their values are.

A datapoint is created with a `key` and read back with that key as its `name`.
"""

import sqlite3
import time
import uuid
from collections.abc import Callable
from typing import Any

from ways_device.sandbox.api_errors import AbsentError, TakenError
from ways_device.sandbox.db import Db
from ways_device.sandbox.wire import Json, is_number, iso

# These ride in telemetry beside the values and can be no datapoint's key.
RESERVED = frozenset(("boot", "seq", "timestamp", "time_unknown"))
KEY_PATTERN = r"^[A-Za-z0-9_.-]{1,64}$"


class Datapoints:
    def __init__(self, db: Db, clock: Callable[[], float] = time.time) -> None:
        self._db = db
        self._clock = clock

    def all(self) -> list[Json]:
        rows = self._db.all("SELECT * FROM datapoints ORDER BY rowid")
        return [{key: row[key] for key in _SUMMARY} for row in rows]

    def create(self, fields: Json) -> Json:
        """Returns the new datapoint. Raises TakenError if the key is taken."""
        datapoint_id = str(uuid.uuid4())
        try:
            self._db.run(
                "INSERT INTO datapoints (id, name, label, unit, data_type, created_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                datapoint_id,
                fields["key"],
                fields.get("label"),
                fields.get("unit"),
                fields["data_type"],
                self._clock(),
            )
        except sqlite3.IntegrityError as exc:
            raise TakenError(f"Datapoint {fields['key']} already exists") from exc
        return self.get(datapoint_id)

    def get(self, datapoint_id: str) -> Json:
        """Raises AbsentError."""
        row = self._db.one("SELECT * FROM datapoints WHERE id = ?", datapoint_id)
        if row is None:
            raise _absent(datapoint_id)
        return {
            **{key: row[key] for key in _SUMMARY},
            "aggregation_method": "avg" if row["data_type"] == "number" else "last",
            "is_chartable": row["data_type"] == "number",
            "is_alertable": True,
            "created_at": iso(row["created_at"]),
        }

    def update(self, datapoint_id: str, fields: Json) -> Json:
        """Set label and unit as far as given. Returns the datapoint. Raises AbsentError."""
        self.get(datapoint_id)
        for name, value in fields.items():
            self._db.run(f"UPDATE datapoints SET {name} = ? WHERE id = ?", value, datapoint_id)
        return self.get(datapoint_id)

    def delete(self, datapoint_id: str) -> None:
        """Forget the datapoint and the values kept for it. Raises AbsentError."""
        if not self._db.run("DELETE FROM datapoints WHERE id = ?", datapoint_id):
            raise _absent(datapoint_id)

    def by_key(self, key: str) -> sqlite3.Row | None:
        return self._db.one("SELECT id, data_type FROM datapoints WHERE name = ?", key)


def fits(data_type: str, value: Any) -> bool:
    """True if value is of the datapoint's type. A number in quotes is a string."""
    if data_type == "number":
        return is_number(value)
    return isinstance(value, bool if data_type == "boolean" else str)


_SUMMARY = ("id", "name", "label", "unit", "data_type")


def _absent(datapoint_id: str) -> AbsentError:
    return AbsentError(f"Datapoint {datapoint_id} not found")
