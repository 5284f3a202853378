"""Notification channels: where messages can go. Secrets are stored, but shown to nobody.

The state folder keeps them in clear, readable by its owner only: they are needed to send.
"""

import json
import sqlite3
import time
import uuid
from collections.abc import Callable

from fastapi.exceptions import RequestValidationError

from ways_device.sandbox import channel_config, secrecy, wire
from ways_device.sandbox.api_errors import AbsentError
from ways_device.sandbox.db import Db
from ways_device.sandbox.wire import Json, iso

DELETED = "the channel was deleted"


class Channels:
    def __init__(self, db: Db, clock: Callable[[], float] = time.time) -> None:
        self._db = db
        self._clock = clock

    def all(self) -> list[Json]:
        rows = self._db.all("SELECT * FROM channels ORDER BY rowid")
        return [{key: _view(row)[key] for key in _SUMMARY} for row in rows]

    def create(self, fields: Json) -> Json:
        """Returns the new channel. Raises RequestValidationError for a bad config."""
        channel_id = str(uuid.uuid4())
        config = _checked(fields["channel_type"], fields["config"], {})
        self._db.run(
            "INSERT INTO channels (id, name, channel_type, config, is_enabled, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            *(channel_id, fields["name"], fields["channel_type"], wire.dump(config)),
            *(fields.get("is_enabled", True), self._clock()),
        )
        return self.get(channel_id)

    def get(self, channel_id: str) -> Json:
        """Return the channel as the API shows it. Raises AbsentError."""
        return _view(self.row(channel_id))

    def update(self, channel_id: str, fields: Json) -> Json:
        """Set the given fields; config is replaced as a whole, shown secrets stay. Returns it.

        Raises AbsentError, RequestValidationError for a bad config.
        """
        row = self.row(channel_id)
        columns = dict(fields)
        if "config" in columns:
            stored = json.loads(row["config"])
            columns["config"] = wire.dump(_checked(row["channel_type"], fields["config"], stored))
        for name, value in columns.items():
            self._db.run(f"UPDATE channels SET {name} = ? WHERE id = ?", value, channel_id)
        return self.get(channel_id)

    def delete(self, channel_id: str) -> None:
        """Forget the channel: policies lose it, what waits for it has failed. Raises AbsentError.

        What was sent through it stays in the deliveries.
        """
        self.row(channel_id)
        with self._db.transaction():
            self._db.run(
                "UPDATE notifications SET status = 'failed', error = ?, next_attempt_at = NULL"
                " WHERE channel_id = ? AND status = 'pending'",
                DELETED,
                channel_id,
            )
            self._db.run(
                "UPDATE policies SET channel_ids = (SELECT json_group_array(value)"
                " FROM json_each(channel_ids) WHERE value <> ?1)"
                " WHERE EXISTS (SELECT 1 FROM json_each(channel_ids) WHERE value = ?1)",
                channel_id,
            )
            self._db.run("DELETE FROM channels WHERE id = ?", channel_id)

    def row(self, channel_id: str) -> sqlite3.Row:
        """Raises AbsentError."""
        row = self._db.one("SELECT * FROM channels WHERE id = ?", channel_id)
        if row is None:
            raise AbsentError(f"Channel {channel_id} not found")
        return row

    def unknown(self, channel_ids: list[str]) -> list[str]:
        """Return those of channel_ids that are no channels."""
        known = {row["id"] for row in self._db.all("SELECT id FROM channels")}
        return [one for one in channel_ids if one not in known]


def _checked(channel_type: str, config: Json, stored: Json) -> Json:
    """Return config as it is to be stored."""
    try:
        config = secrecy.restored(channel_type, config, stored)
    except ValueError as exc:
        raise _bad([_problem(str(exc))]) from exc
    problems = channel_config.problems(channel_type, config)
    if problems:
        raise _bad(problems)
    return config


def _bad(problems: list[Json]) -> RequestValidationError:
    return RequestValidationError(problems)


def _problem(key: str) -> Json:
    msg = f"Value error, {secrecy.MASK} stands for no secret that is stored here: give it whole"
    return {"loc": ("body", "config", key), "msg": msg, "type": "value_error"}


def _view(row: sqlite3.Row) -> Json:
    return {
        "id": row["id"],
        "name": row["name"],
        "channel_type": row["channel_type"],
        "config": secrecy.shown(row["channel_type"], json.loads(row["config"])),
        "is_enabled": bool(row["is_enabled"]),
        "created_at": iso(row["created_at"]),
    }


_SUMMARY = ("id", "name", "channel_type", "is_enabled")
