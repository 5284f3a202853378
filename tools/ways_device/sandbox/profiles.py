"""Device profiles: the topics and the interval that a device is expected to keep."""

import json
import sqlite3
import time
import uuid
from collections.abc import Callable

from ways_device.sandbox import wire
from ways_device.sandbox.api_errors import AbsentError
from ways_device.sandbox.db import Db
from ways_device.sandbox.devices import Devices
from ways_device.sandbox.wire import Json, iso

_DOCUMENTS = {"expected_topics": list, "metadata": dict}


class Profiles:
    def __init__(
        self,
        db: Db,
        devices: Devices,
        clock: Callable[[], float] = time.time,
        on_change: Callable[[list[str]], None] = lambda _: None,
    ) -> None:
        """on_change is told of the devices that now follow another profile, or a changed one."""
        self._on_change = on_change
        self._db = db
        self._devices = devices
        self._clock = clock

    def all(self) -> list[Json]:
        rows = self._db.all("SELECT * FROM profiles ORDER BY rowid")
        return [{key: row[key] for key in _SUMMARY} for row in rows]

    def create(self, fields: Json) -> Json:
        """Returns the new profile."""
        profile_id, now = str(uuid.uuid4()), self._clock()
        self._db.run(
            "INSERT INTO profiles (id, name, description, expected_topics,"
            " reporting_interval_seconds, metadata, created_at, updated_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            profile_id,
            fields["name"],
            fields.get("description"),
            wire.dump(fields.get("expected_topics") or []),
            fields.get("reporting_interval_seconds"),
            wire.dump(fields.get("metadata") or {}),
            now,
            now,
        )
        return self.get(profile_id)

    def get(self, profile_id: str) -> Json:
        """Raises AbsentError."""
        row = self._db.one("SELECT * FROM profiles WHERE id = ?", profile_id)
        if row is None:
            raise _absent(profile_id)
        return _view(row)

    def update(self, profile_id: str, fields: Json) -> Json:
        """Set the given fields, keep the others. Returns the profile. Raises AbsentError."""
        columns = {
            name: wire.dump(value or _DOCUMENTS[name]()) if name in _DOCUMENTS else value
            for name, value in fields.items()
        }
        columns["updated_at"] = self._clock()
        names = ", ".join(f"{name} = ?" for name in columns)
        sql = f"UPDATE profiles SET {names} WHERE id = ?"
        if not self._db.run(sql, *columns.values(), profile_id):
            raise _absent(profile_id)
        self._on_change(self._followers(profile_id))
        return self.get(profile_id)

    def delete(self, profile_id: str) -> None:
        """Forget the profile; devices that had it have none. Raises AbsentError."""
        followers = self._followers(profile_id)
        if not self._db.run("DELETE FROM profiles WHERE id = ?", profile_id):
            raise _absent(profile_id)
        self._on_change(followers)

    def apply(self, profile_id: str, device_id: str) -> Json:
        """Make the profile the device's, instead of any other. Raises AbsentError."""
        self.get(profile_id)
        self._devices.update(device_id, {"profile_id": profile_id})
        self._on_change([device_id])
        return {"profile_id": profile_id, "device_id": device_id, "applied": True}

    def _followers(self, profile_id: str) -> list[str]:
        sql = "SELECT device_id FROM devices WHERE profile_id = ?"
        return [row["device_id"] for row in self._db.all(sql, profile_id)]


_SUMMARY = ("id", "name", "reporting_interval_seconds")


def _view(row: sqlite3.Row) -> Json:
    return {
        "id": row["id"],
        "name": row["name"],
        "description": row["description"],
        "expected_topics": json.loads(row["expected_topics"]),
        "reporting_interval_seconds": row["reporting_interval_seconds"],
        "metadata": json.loads(row["metadata"]),
        "created_at": iso(row["created_at"]),
        "updated_at": iso(row["updated_at"]),
    }


def _absent(profile_id: str) -> AbsentError:
    return AbsentError(f"Profile {profile_id} not found")
