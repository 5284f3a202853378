"""Groups of devices.

Colors are given in turn: the reference shows one, but none of its calls sets it.
"""

import sqlite3
import time
import uuid
from collections.abc import Callable

from ways_device.sandbox.api_errors import AbsentError
from ways_device.sandbox.db import Db
from ways_device.sandbox.wire import Json, iso

_COLORS = ("#FF5733", "#2E86DE", "#27AE60", "#8E44AD", "#F39C12", "#16A085", "#C0392B", "#7F8C8D")

_ITEM = """
SELECT g.*, (SELECT count(*) FROM group_members m WHERE m.group_id = g.id) AS device_count
FROM groups g
"""


class Groups:
    def __init__(self, db: Db, clock: Callable[[], float] = time.time) -> None:
        self._db = db
        self._clock = clock

    def all(self) -> list[Json]:
        return [_summary(row) for row in self._db.all(f"{_ITEM} ORDER BY g.rowid")]

    def create(self, fields: Json) -> Json:
        """Returns the new group."""
        group_id, now = str(uuid.uuid4()), self._clock()
        count: int = self._db.scalar("SELECT count(*) FROM groups")
        self._db.run(
            "INSERT INTO groups (id, name, description, color, created_at, updated_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            group_id,
            fields["name"],
            fields.get("description"),
            _COLORS[count % len(_COLORS)],
            now,
            now,
        )
        return self.get(group_id)

    def get(self, group_id: str) -> Json:
        """Raises AbsentError."""
        row = self._db.one(f"{_ITEM} WHERE g.id = ?", group_id)
        if row is None:
            raise AbsentError(f"Group {group_id} not found")
        return {
            **_summary(row),
            "created_at": iso(row["created_at"]),
            "updated_at": iso(row["updated_at"]),
        }

    def update(self, group_id: str, fields: Json) -> Json:
        """Set name and description as far as given. Returns the group. Raises AbsentError."""
        columns = {**fields, "updated_at": self._clock()}
        names = ", ".join(f"{name} = ?" for name in columns)
        self._db.run(f"UPDATE groups SET {names} WHERE id = ?", *columns.values(), group_id)
        return self.get(group_id)

    def delete(self, group_id: str) -> None:
        """Forget the group; its devices stay, its rules cover nothing. Raises AbsentError."""
        if not self._db.run("DELETE FROM groups WHERE id = ?", group_id):
            raise AbsentError(f"Group {group_id} not found")

    def add(self, group_id: str, device_ids: list[str]) -> list[str]:
        """Return the devices that were not in the group before.

        Raises AbsentError, and adds none, if the group or one of the devices is not there.
        """
        self.get(group_id)
        insert = "INSERT OR IGNORE INTO group_members (group_id, device_id) VALUES (?, ?)"
        added = []
        with self._db.transaction():
            for device_id in device_ids:
                if not self._db.one("SELECT 1 FROM devices WHERE device_id = ?", device_id):
                    raise AbsentError(f"Device {device_id} not found")
                if self._db.run(insert, group_id, device_id):
                    added.append(device_id)
        return added

    def remove(self, group_id: str, device_id: str) -> None:
        """Raises AbsentError if there is no such group, or the device is not in it."""
        self.get(group_id)
        sql = "DELETE FROM group_members WHERE group_id = ? AND device_id = ?"
        if not self._db.run(sql, group_id, device_id):
            raise AbsentError(f"Device {device_id} is not in group {group_id}")


def _summary(row: sqlite3.Row) -> Json:
    keys = ("id", "name", "description", "color", "device_count")
    return {key: row[key] for key in keys}
