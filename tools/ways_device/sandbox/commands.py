"""Commands to devices: what was sent, and what the device answered. The topics are assumed.

A command goes out as {"id", "name", "args", "not_after"?}; the device answers it with events
`command_result` of {"id", "state", "result" or "reason"}. The states, each only ever a later one:

    sent, accepted, then one of done, refused, interrupted
    expired    shown in place of sent once not_after is over: nobody has answered

Secrets among the arguments are in the message and nowhere here.
"""

import json
import math
import secrets
import sqlite3
import time
from collections.abc import Callable
from typing import Any

from ways_device.sandbox.api_errors import AbsentError, TakenError
from ways_device.sandbox.db import Db
from ways_device.sandbox.events import Events
from ways_device.sandbox.paging import Window
from ways_device.sandbox.secrecy import without_secrets
from ways_device.sandbox.wire import Json, dump, iso

RESULT = "command_result"
_RANKS = {"sent": 0, "accepted": 1, "done": 2, "refused": 2, "interrupted": 2}
_STRAYS_SHOWN = 20
_STRAYS_LOOKED_AT = 200


class Commands:
    def __init__(self, db: Db, events: Events, clock: Callable[[], float] = time.time) -> None:
        self._db = db
        self._events = events
        self._clock = clock

    def create(self, device_id: str, fields: Json, was_online: bool) -> Json:
        """Keep a new command as sent; return the document to send. Raises TakenError."""
        now = self._clock()
        document = {
            "id": fields.get("id") or secrets.token_hex(8),
            "name": fields["name"],
            "args": fields.get("args") or {},
        }
        not_after = fields.get("not_after")
        if fields.get("expires_s") is not None:
            not_after = math.ceil(now + fields["expires_s"])
        if not_after is not None:
            document["not_after"] = not_after
        try:
            self._db.run(
                "INSERT INTO commands (device_id, id, name, args, not_after, was_online, state,"
                " sent_at) VALUES (?, ?, ?, ?, ?, ?, 'sent', ?)",
                device_id,
                document["id"],
                document["name"],
                dump(without_secrets(document["args"])),
                not_after,
                was_online,
                now,
            )
        except sqlite3.IntegrityError as exc:
            raise TakenError(f"Device {device_id} has a command {document['id']}") from exc
        return document

    def forget(self, device_id: str, command_id: str) -> None:
        """Take back create(): the command was not sent."""
        self._db.run("DELETE FROM commands WHERE device_id = ? AND id = ?", device_id, command_id)

    def answer(self, device_id: str, said: Json, received_at: float) -> None:
        """Take in a device's answer; one to no command, out of order or repeated says nothing."""
        rank = _RANKS.get(said["state"], 0) if isinstance(said.get("state"), str) else 0
        row = self._row(device_id, said.get("id"))
        if row is None or rank <= _RANKS[row["state"]]:
            return
        column = "accepted_at" if said["state"] == "accepted" else "finished_at"
        reason = said.get("reason")
        self._db.run(
            f"UPDATE commands SET state = ?, result = ?, reason = ?, {column} = ?"
            " WHERE number = ?",
            said["state"],
            None if said.get("result") is None else dump(said["result"]),
            None if reason is None else str(reason),
            received_at,
            row["number"],
        )

    def get(self, device_id: str, command_id: str) -> Json:
        """Raises AbsentError."""
        row = self._row(device_id, command_id)
        if row is None:
            raise AbsentError(f"Device {device_id} has no command {command_id}")
        return self._view(row)

    def page(self, device_id: str, window: Window) -> Json:
        """Return a part of the device's commands, the newest first, and what answers none."""
        total = self._db.scalar("SELECT count(*) FROM commands WHERE device_id = ?", device_id)
        rows = self._db.all(
            "SELECT * FROM commands WHERE device_id = ? ORDER BY number DESC LIMIT ? OFFSET ?",
            device_id,
            window.limit,
            window.offset,
        )
        return {
            "commands": [self._view(row) for row in rows],
            "total": total,
            **window.shown(),
            "has_more": window.offset + window.limit < total,
            "unknown_answers": self._strays(device_id),
        }

    def _strays(self, device_id: str) -> list[Json]:
        """Return the last answers that are to no command of ours, the newest first."""
        found = self._events.last(device_id, RESULT, _STRAYS_LOOKED_AT)
        strays = [one for one in found if self._row(device_id, one["metadata"].get("id")) is None]
        return strays[:_STRAYS_SHOWN]

    def _row(self, device_id: str, command_id: Any) -> sqlite3.Row | None:
        if not isinstance(command_id, str):
            return None
        sql = "SELECT * FROM commands WHERE device_id = ? AND id = ?"
        return self._db.one(sql, device_id, command_id)

    def _view(self, row: sqlite3.Row) -> Json:
        not_after = row["not_after"]
        is_over = not_after is not None and self._clock() > not_after
        return {
            "id": row["id"],
            "device_id": row["device_id"],
            "name": row["name"],
            "args": json.loads(row["args"]),
            "not_after": not_after,
            "was_online": bool(row["was_online"]),
            "state": "expired" if is_over and row["state"] == "sent" else row["state"],
            "result": json.loads(row["result"] or "null"),
            "reason": row["reason"],
            "sent_at": iso(row["sent_at"]),
            "accepted_at": iso(row["accepted_at"]),
            "finished_at": iso(row["finished_at"]),
        }
