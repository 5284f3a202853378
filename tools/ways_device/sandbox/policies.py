"""Notification policies: which changes of which alarms are told through which channels.

Assumed, as the reference names the fields only: an empty or absent filter filters nothing; an
alarm that is reopened counts as triggered; a scope other than fleet needs scope_ids.
"""

import json
import sqlite3
import time
import uuid
from collections.abc import Callable

from fastapi.exceptions import RequestValidationError

from ways_device.sandbox import wire
from ways_device.sandbox.api_errors import AbsentError
from ways_device.sandbox.channels import Channels
from ways_device.sandbox.db import Db
from ways_device.sandbox.wire import Json, iso

_DEFAULTS = {
    "description": None,
    "severity_filter": ["critical", "warning", "info"],
    "rule_ids": None,
    "scope_type": "fleet",
    "scope_ids": None,
    "event_types": ["triggered", "acknowledged", "resolved"],
    "cooldown_seconds": 300,
    "is_enabled": True,
}
_LISTS = ("severity_filter", "rule_ids", "scope_ids", "event_types", "channel_ids")

_OF_SCOPE = {
    "device": "SELECT 1 FROM devices WHERE device_id = ?1 AND device_id IN ({ids})",
    "profile": "SELECT 1 FROM devices WHERE device_id = ?1 AND profile_id IN ({ids})",
    "group": "SELECT 1 FROM group_members WHERE device_id = ?1 AND group_id IN ({ids})",
}


class Policies:
    def __init__(self, db: Db, channels: Channels, clock: Callable[[], float] = time.time) -> None:
        self._db = db
        self._channels = channels
        self._clock = clock

    def all(self) -> list[Json]:
        rows = self._db.all("SELECT * FROM policies ORDER BY rowid")
        return [{key: _view(row)[key] for key in _SUMMARY} for row in rows]

    def create(self, fields: Json) -> Json:
        """Returns the new policy. Raises RequestValidationError."""
        fields = {**_DEFAULTS, **fields}
        if fields["scope_type"] == "fleet":
            fields["scope_ids"] = None
        elif not fields["scope_ids"]:
            raise _bad("scope_ids", f"a scope of type {fields['scope_type']} needs ids")
        self._check(fields)
        columns = {**_columns(fields), "id": str(uuid.uuid4()), "created_at": self._clock()}
        places = ", ".join("?" * len(columns))
        self._db.run(
            f"INSERT INTO policies ({', '.join(columns)}) VALUES ({places})", *columns.values()
        )
        return self.get(columns["id"])

    def get(self, policy_id: str) -> Json:
        """Raises AbsentError."""
        return _view(self._row(policy_id))

    def update(self, policy_id: str, fields: Json) -> Json:
        """Set the given fields, keep the others. Returns the policy.

        Raises AbsentError, RequestValidationError.
        """
        self._row(policy_id)
        self._check(fields)
        for name, value in _columns(fields).items():
            self._db.run(f"UPDATE policies SET {name} = ? WHERE id = ?", value, policy_id)
        return self.get(policy_id)

    def delete(self, policy_id: str) -> None:
        """Forget the policy; what it queued goes out. Raises AbsentError."""
        if not self._db.run("DELETE FROM policies WHERE id = ?", policy_id):
            raise _absent(policy_id)

    def matching(self, event_type: str, alarm: Json) -> list[Json]:
        """Return the enabled policies that want to tell of this kind of change of the alarm."""
        rows = self._db.all("SELECT * FROM policies WHERE is_enabled ORDER BY rowid")
        return [
            policy
            for policy in map(_view, rows)
            if _passes(policy["event_types"], event_type)
            and _passes(policy["severity_filter"], alarm["severity"])
            and _passes(policy["rule_ids"], alarm["rule_id"])
            and self._covers(policy, alarm["device_id"])
        ]

    def _covers(self, policy: Json, device_id: str) -> bool:
        if policy["scope_type"] == "fleet":
            return True
        sql = _OF_SCOPE[policy["scope_type"]].format(ids="SELECT value FROM json_each(?2)")
        return self._db.one(sql, device_id, wire.dump(policy["scope_ids"])) is not None

    def _check(self, fields: Json) -> None:
        unknown = self._channels.unknown(fields.get("channel_ids", []))
        if unknown:
            raise _bad("channel_ids", f"there is no channel {unknown[0]}")

    def _row(self, policy_id: str) -> sqlite3.Row:
        row = self._db.one("SELECT * FROM policies WHERE id = ?", policy_id)
        if row is None:
            raise _absent(policy_id)
        return row


def _passes(wanted: list[str] | None, value: str | None) -> bool:
    return not wanted or value in wanted


def _columns(fields: Json) -> Json:
    return {
        key: wire.dump(list(dict.fromkeys(value)))
        if key in _LISTS and value is not None
        else value
        for key, value in fields.items()
    }


def _view(row: sqlite3.Row) -> Json:
    lists = {key: None if row[key] is None else json.loads(row[key]) for key in _LISTS}
    return {
        "id": row["id"],
        "name": row["name"],
        "description": row["description"],
        "severity_filter": lists["severity_filter"],
        "rule_ids": lists["rule_ids"],
        "scope_type": row["scope_type"],
        "scope_ids": lists["scope_ids"],
        "event_types": lists["event_types"],
        "channel_ids": lists["channel_ids"],
        "cooldown_seconds": row["cooldown_seconds"],
        "is_enabled": bool(row["is_enabled"]),
        "created_at": iso(row["created_at"]),
    }


_SUMMARY = ("id", "name", "severity_filter", "is_enabled")


def _bad(field: str, text: str) -> RequestValidationError:
    problem = {"loc": ("body", field), "msg": f"Value error, {text}", "type": "value_error"}
    return RequestValidationError([problem])


def _absent(policy_id: str) -> AbsentError:
    return AbsentError(f"Policy {policy_id} not found")
