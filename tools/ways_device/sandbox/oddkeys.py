"""The keys in a device's telemetry of which no value was kept, to find a slip of the pen by.

A device may send any number of keys: of each problem the first KEYS_MAX are remembered, by the
first KEY_LENGTH_MAX characters. The counters of the device count all of them.
"""

from typing import Any

from ways_device.sandbox.db import Db
from ways_device.sandbox.wire import Json, iso

KEYS_MAX = 50
KEY_LENGTH_MAX = 64
UNKNOWN = "unknown"
MISTYPED = "mistyped"
_TYPES = {
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    dict: "object",
    list: "array",
    type(None): "null",
}


class OddKeys:
    def __init__(self, db: Db) -> None:
        self._db = db

    def note(self, device_id: str, problem: str, key: str, value: Any, received_at: float) -> None:
        """Remember that a value came with a key that is unknown, or is not of the key's type."""
        kind = _TYPES[type(value)]
        where = (device_id, problem, key[:KEY_LENGTH_MAX])
        is_known = self._db.run(
            "UPDATE odd_keys SET times = times + 1, last_type = ?, last_at = ?"
            " WHERE device_id = ? AND problem = ? AND key = ?",
            *(kind, received_at, *where),
        )
        if not is_known:
            self._db.run(
                "INSERT INTO odd_keys SELECT ?, ?, ?, 1, ?, ? WHERE"
                " (SELECT count(*) FROM odd_keys WHERE device_id = ? AND problem = ?) < ?",
                *(*where, kind, received_at, device_id, problem, KEYS_MAX),
            )

    def of(self, device_id: str) -> list[Json]:
        """Return what is remembered of a device, the most frequent first."""
        rows = self._db.all(
            "SELECT * FROM odd_keys WHERE device_id = ? ORDER BY times DESC, problem, key",
            device_id,
        )
        return [
            {
                "key": row["key"],
                "problem": row["problem"],
                "times": row["times"],
                "last_type": row["last_type"],
                "last_at": iso(row["last_at"]),
            }
            for row in rows
        ]
