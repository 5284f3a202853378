"""Alarm rules as users write them. engine.py runs them, rule_config.py says what they mean."""

import json
import sqlite3
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi.exceptions import RequestValidationError

from ways_device.sandbox import rule_config, rule_states, wire
from ways_device.sandbox.api_errors import AbsentError
from ways_device.sandbox.db import Db
from ways_device.sandbox.rule_config import ConfigError
from ways_device.sandbox.wire import Json, iso

# The reference names which fields have a default; of these it shows all but the severity.
_DEFAULTS = {
    "description": None,
    "severity": "warning",
    "actions": ["create_alarm"],
    "cooldown_seconds": 300,
    "is_enabled": True,
    "auto_resolve": False,
}
_ANEW = ("config", "actions", "is_enabled")
# What a scope is for, and where that is.
_SCOPES = {
    "device": ("Device", "devices", "device_id"),
    "group": ("Group", "groups", "id"),
    "profile": ("Profile", "profiles", "id"),
}


@dataclass(frozen=True)
class Rule:
    """One rule, ready to run."""

    id: str
    name: str
    rule_type: str
    scope_type: str
    # The device, group or profile it is for; None for the whole fleet.
    scope_id: str | None
    config: Json
    severity: str
    actions: tuple[str, ...]
    cooldown_s: int
    auto_resolve: bool


@dataclass(frozen=True)
class RuleFilter:
    """Which rules a list shows. None means any."""

    scope_type: str | None = None
    rule_type: str | None = None
    is_enabled: bool | None = None
    severity: str | None = None

    def where(self) -> tuple[str, list[Any]]:
        """Return the condition in SQL and its values."""
        given = {name: value for name, value in vars(self).items() if value is not None}
        return " AND ".join(f"{name} = ?" for name in given) or "1", list(given.values())


class Rules:
    """revision is another number after each change."""

    def __init__(self, db: Db, clock: Callable[[], float] = time.time) -> None:
        self._db = db
        self._clock = clock
        self.revision = 0

    def all(self, which: RuleFilter) -> list[Json]:
        where, values = which.where()
        rows = self._db.all(f"SELECT * FROM rules WHERE {where} ORDER BY rowid", *values)
        keys = ("id", "name", "rule_type", "severity")
        return [
            {**{key: row[key] for key in keys}, "is_enabled": bool(row["is_enabled"])}
            for row in rows
        ]

    def enabled(self) -> list[Rule]:
        return [
            _ready(row)
            for row in self._db.all("SELECT * FROM rules WHERE is_enabled ORDER BY rowid")
        ]

    def create(self, fields: Json) -> Json:
        """Returns the new rule.

        Raises AbsentError if its scope names what is not there, RequestValidationError if scope
        or config cannot be right.
        """
        scope_type, scope_id = self._scope(fields)
        config = fields.get("config") or {}
        _check(fields["rule_type"], config)
        rule_id, now = str(uuid.uuid4()), self._clock()
        columns = {
            "id": rule_id,
            "name": fields["name"],
            "rule_type": fields["rule_type"],
            "scope_type": scope_type,
            **_stored({**_DEFAULTS, **_changeable(fields), "config": config}),
            "created_at": now,
            "updated_at": now,
        }
        if scope_type != "fleet":
            columns[f"scope_{scope_type}_id"] = scope_id
        marks = ", ".join("?" for _ in columns)
        self._db.run(
            f"INSERT INTO rules ({', '.join(columns)}) VALUES ({marks})", *columns.values()
        )
        self.revision += 1
        return self.get(rule_id)

    def get(self, rule_id: str) -> Json:
        """Raises AbsentError."""
        return _view(self._row(rule_id))

    def update(self, rule_id: str, fields: Json) -> Json:
        """Set the given fields, keep the others; config is merged. Returns the rule.

        What holds begins anew if one of _ANEW changed, so that no duration is made up of two
        meanings. Open alarms stay.
        Raises AbsentError, RequestValidationError.
        """
        row = self._row(rule_id)
        columns = dict(fields)
        if "config" in fields:
            old = json.loads(row["config"])
            columns["config"] = rule_config.merged(row["rule_type"], old, fields["config"])
            _check(row["rule_type"], columns["config"])
        columns = {**_stored(columns), "updated_at": self._clock()}
        names = ", ".join(f"{name} = ?" for name in columns)
        with self._db.transaction():
            self._db.run(f"UPDATE rules SET {names} WHERE id = ?", *columns.values(), rule_id)
            if any(columns.get(key, row[key]) != row[key] for key in _ANEW):
                rule_states.release(self._db, rule_id)
        self.revision += 1
        return self.get(rule_id)

    def delete(self, rule_id: str) -> None:
        """Forget the rule; its alarms stay. Raises AbsentError."""
        if not self._db.run("DELETE FROM rules WHERE id = ?", rule_id):
            raise _absent(rule_id)
        self.revision += 1

    def _row(self, rule_id: str) -> sqlite3.Row:
        row = self._db.one("SELECT * FROM rules WHERE id = ?", rule_id)
        if row is None:
            raise _absent(rule_id)
        return row

    def _scope(self, fields: Json) -> tuple[str, str | None]:
        """Return the scope's type and id; the Terraform provider has the id in config."""
        scope_type = fields.get("scope_type", "fleet")
        for other in _SCOPES:
            if other != scope_type and f"scope_{other}_id" in fields:
                raise _unfit((f"scope_{other}_id",), f"Does not go with scope_type {scope_type}")
        if scope_type == "fleet":
            return scope_type, None
        in_config = (fields.get("config") or {}).get(f"{scope_type}_id")
        scope_id = fields.get(f"scope_{scope_type}_id", in_config)
        if not isinstance(scope_id, str):
            text = f"Field required with scope_type {scope_type}"
            raise _unfit((f"scope_{scope_type}_id",), text)
        title, table, column = _SCOPES[scope_type]
        if not self._db.one(f"SELECT 1 FROM {table} WHERE {column} = ?", scope_id):
            raise AbsentError(f"{title} {scope_id} not found")
        return scope_type, scope_id


def _check(rule_type: str, config: Json) -> None:
    try:
        rule_config.compiled(rule_type, config)
    except ConfigError as exc:
        raise _unfit(("config", *([exc.field] if exc.field else [])), str(exc)) from exc


def _unfit(place: tuple[str, ...], text: str) -> RequestValidationError:
    """Say it as FastAPI says what is wrong with a body."""
    return RequestValidationError([{"loc": ("body", *place), "msg": text, "type": "value_error"}])


def _changeable(fields: Json) -> Json:
    return {key: value for key, value in fields.items() if key in _DEFAULTS}


def _stored(fields: Json) -> Json:
    """Return fields as the table has them."""
    columns = dict(fields)
    if "actions" in columns:
        columns["actions"] = wire.dump(list(dict.fromkeys(columns["actions"])))
    if "config" in columns:
        columns["config"] = wire.dump(columns["config"])
    return columns


def _ready(row: sqlite3.Row) -> Rule:
    scope_type = row["scope_type"]
    return Rule(
        row["id"],
        row["name"],
        row["rule_type"],
        scope_type,
        None if scope_type == "fleet" else row[f"scope_{scope_type}_id"],
        json.loads(row["config"]),
        row["severity"],
        tuple(json.loads(row["actions"])),
        row["cooldown_seconds"],
        bool(row["auto_resolve"]),
    )


def _view(row: sqlite3.Row) -> Json:
    names = [f"scope_{scope_type}_id" for scope_type in _SCOPES]
    return {
        **{key: row[key] for key in ("id", "name", "description", "rule_type", "scope_type")},
        **{name: row[name] for name in names},
        "config": json.loads(row["config"]),
        "severity": row["severity"],
        "actions": json.loads(row["actions"]),
        "cooldown_seconds": row["cooldown_seconds"],
        "is_enabled": bool(row["is_enabled"]),
        "auto_resolve": bool(row["auto_resolve"]),
        "created_at": iso(row["created_at"]),
        "updated_at": iso(row["updated_at"]),
    }


def _absent(rule_id: str) -> AbsentError:
    return AbsentError(f"Rule {rule_id} not found")
