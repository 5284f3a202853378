"""Registered devices: what the user says about them, and what their own traffic tells.

Passwords are here as hashes only. Whether a device may log in is told to the broker by access.py.
"""

import json
import sqlite3
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ways_device.sandbox import wire
from ways_device.sandbox.api_errors import AbsentError, TakenError
from ways_device.sandbox.db import Db
from ways_device.sandbox.keys import Hashed
from ways_device.sandbox.oddkeys import OddKeys
from ways_device.sandbox.paging import Window
from ways_device.sandbox.presence import Presence
from ways_device.sandbox.traffic import Traffic
from ways_device.sandbox.wire import Json, iso

ID_PATTERN = r"^[A-Za-z0-9_-]{1,64}$"


@dataclass(frozen=True)
class Login:
    """One device's login at the broker."""

    device_id: str
    is_active: bool
    password: Hashed


_MEMBERS = "SELECT device_id FROM group_members WHERE group_id = ?"


@dataclass(frozen=True)
class Filter:
    """Which devices a list shows. None means any."""

    is_active: bool | None = None
    is_online: bool | None = None
    device_type: str | None = None
    tag: str | None = None
    search: str | None = None
    group_id: str | None = None
    profile_id: str | None = None

    def where(self) -> tuple[str, list[Any]]:
        """Return the condition in SQL and its values."""
        tests = {
            "d.is_active = ?": self.is_active,
            "is_online = ?": self.is_online,
            "d.device_type = ?": self.device_type,
            "d.device_id IN (SELECT device_id FROM device_tags WHERE tag = ?)": self.tag,
            f"d.device_id IN ({_MEMBERS})": self.group_id,
            "d.profile_id = ?": self.profile_id,
            "instr(lower(d.device_id || ' ' || d.name), lower(?)) > 0": self.search,
        }
        given = {test: value for test, value in tests.items() if value is not None}
        return " AND ".join(given) or "1", list(given.values())


_FROM = """(
    SELECT *, EXISTS (
        SELECT 1 FROM sessions s WHERE s.device_id = devices.device_id AND s.closed_at IS NULL
    ) AS is_online FROM devices
) d"""


class Devices:
    def __init__(self, db: Db, presence: Presence, clock: Callable[[], float] = time.time) -> None:
        self._db = db
        self._presence = presence
        self._traffic = Traffic(db, clock)
        self._odd_keys = OddKeys(db)
        self._clock = clock

    def page(self, which: Filter, page: int, page_size: int) -> Json:
        """Return one page of the list, pages counting from 1."""
        return self.part(which, Window(page_size, (page - 1) * page_size))

    def part(self, which: Filter, window: Window) -> Json:
        """Return a part of the list, the oldest first."""
        where, values = which.where()
        total = self._db.scalar(f"SELECT count(*) FROM {_FROM} WHERE {where}", *values)
        rows = self._db.all(
            f"SELECT d.* FROM {_FROM} WHERE {where}"
            " ORDER BY d.created_at, d.device_id LIMIT ? OFFSET ?",
            *values,
            window.limit,
            window.offset,
        )
        return {
            "devices": [_summary(row) for row in rows],
            "total": total,
            **window.shown(),
            "has_more": window.offset + window.limit < total,
        }

    def create(self, fields: Json, password: Hashed) -> str:
        """Add a device. Returns its id, a UUID if fields has none. Raises TakenError."""
        now = self._clock()
        device_id = fields.get("device_id") or str(uuid.uuid4())
        try:
            self._db.run(
                "INSERT INTO devices (device_id, name, description, device_type, metadata,"
                " password_salt, password_hash, created_at, updated_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                device_id,
                fields["name"],
                fields.get("description"),
                fields.get("device_type"),
                wire.dump(fields.get("metadata") or {}),
                password.salt,
                password.hash,
                now,
                now,
            )
        except sqlite3.IntegrityError as exc:
            raise TakenError(f"Device {device_id} already exists") from exc
        return str(device_id)

    def update(self, device_id: str, fields: Json) -> None:
        """Set the given fields; metadata is replaced as a whole. Raises AbsentError."""
        self.row(device_id)
        columns = dict(fields)
        if "metadata" in columns:
            columns["metadata"] = wire.dump(columns["metadata"] or {})
        columns["updated_at"] = self._clock()
        names = ", ".join(f"{name} = ?" for name in columns)
        self._db.run(
            f"UPDATE devices SET {names} WHERE device_id = ?", *columns.values(), device_id
        )

    def delete(self, device_id: str) -> None:
        """Forget the device and all its data. Raises AbsentError."""
        if not self._db.run("DELETE FROM devices WHERE device_id = ?", device_id):
            raise _absent(device_id)

    def row(self, device_id: str) -> sqlite3.Row:
        """Raises AbsentError."""
        row = self._db.one(f"SELECT d.* FROM {_FROM} WHERE d.device_id = ?", device_id)
        if row is None:
            raise _absent(device_id)
        return row

    def get(self, device_id: str) -> Json:
        """Return the device as the API shows it. Raises AbsentError."""
        row = self.row(device_id)
        return {
            **_summary(row),
            "description": row["description"],
            "device_type": row["device_type"],
            "connection_status": self._presence.connection_status(device_id),
            "stability_score": self._presence.stability_score(device_id),
            "firmware_version": row["firmware_version"],
            "tags": self.tags(device_id),
            "metadata": json.loads(row["metadata"]),
            "messages_24h": self._traffic.messages_24h(device_id),
            "battery_level": _whole(row["battery_level"]),
            "signal_strength": _whole(row["signal_strength"]),
            "created_at": iso(row["created_at"]),
        }

    def details(self, device_id: str) -> Json:
        """Return what the reference has no field for. Raises AbsentError."""
        row = self.row(device_id)
        counts = ("malformed", "unknown_keys", "mistyped_values")
        return {
            "device_id": device_id,
            "profile_id": row["profile_id"],
            "status": json.loads(row["status"] or "null"),
            "attributes": json.loads(row["attributes"] or "null"),
            "last_telemetry": iso(row["last_telemetry"]),
            **{name: row[name] for name in counts},
            "odd_keys": self._odd_keys.of(device_id),
        }

    def tags(self, device_id: str) -> list[str]:
        """Raises AbsentError."""
        self.row(device_id)
        rows = self._db.all(
            "SELECT tag FROM device_tags WHERE device_id = ? ORDER BY rowid", device_id
        )
        return [row["tag"] for row in rows]

    def add_tags(self, device_id: str, tags: list[str]) -> list[str]:
        """Returns the tags that were new. Raises AbsentError."""
        self.row(device_id)
        insert = "INSERT OR IGNORE INTO device_tags (device_id, tag) VALUES (?, ?)"
        with self._db.transaction():
            return [tag for tag in tags if self._db.run(insert, device_id, tag)]

    def remove_tag(self, device_id: str, tag: str) -> None:
        """Raises AbsentError if there is no such device or tag."""
        self.row(device_id)
        sql = "DELETE FROM device_tags WHERE device_id = ? AND tag = ?"
        if not self._db.run(sql, device_id, tag):
            raise AbsentError("Tag not found")

    def all(self) -> list[Json]:
        """Return all devices as the list shows them."""
        rows = self._db.all(f"SELECT d.* FROM {_FROM} ORDER BY d.created_at, d.device_id")
        return [_summary(row) for row in rows]

    def logins(self) -> list[Login]:
        """Return the logins of all devices."""
        rows = self._db.all(
            "SELECT device_id, is_active, password_salt, password_hash FROM devices"
        )
        return [Login(row[0], bool(row[1]), Hashed(row[2], row[3])) for row in rows]


def _summary(row: sqlite3.Row) -> Json:
    return {
        "device_id": row["device_id"],
        "name": row["name"],
        "is_active": bool(row["is_active"]),
        "is_online": bool(row["is_online"]),
        "last_seen": iso(row["last_seen"]),
    }


def _whole(value: float | None) -> float | int | None:
    """Show 87.0 as 87: SQLite keeps one kind of number in a REAL column."""
    return int(value) if value is not None and value == int(value) else value


def _absent(device_id: str) -> AbsentError:
    return AbsentError(f"Device {device_id} not found")
