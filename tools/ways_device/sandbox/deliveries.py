"""The history of notifications, as the API shows it.

status is pending, delivered or failed. The reference shows four fields of a delivery; the others
are ours.
"""

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ways_device.sandbox import wire
from ways_device.sandbox.db import Db
from ways_device.sandbox.paging import Window
from ways_device.sandbox.wire import Json, iso

# The reference's sample has a delivery that was `delivered`; others may ask for `sent`.
SAME = {"sent": "delivered", "queued": "pending"}


@dataclass(frozen=True)
class DeliveryFilter:
    """Which deliveries a list shows. None means any."""

    channel_type: str | None = None
    status: str | None = None
    created_after: datetime | None = None

    def where(self) -> tuple[str, list[Any]]:
        """Return the condition in SQL and its values."""
        after = self.created_after
        tests = {
            "channel_type = ?": self.channel_type,
            "status = ?": SAME.get(self.status, self.status) if self.status else None,
            "created_at > ?": None if after is None else wire.epoch(after),
        }
        given = {test: value for test, value in tests.items() if value is not None}
        return " AND ".join(given) or "1", list(given.values())


class Deliveries:
    def __init__(self, db: Db) -> None:
        self._db = db

    def page(self, which: DeliveryFilter, window: Window) -> Json:
        """Return a part of the list, the newest first."""
        where, values = which.where()
        total = self._db.scalar(f"SELECT count(*) FROM notifications WHERE {where}", *values)
        rows = self._db.all(
            f"SELECT * FROM notifications WHERE {where}"
            " ORDER BY created_at DESC, rowid DESC LIMIT ? OFFSET ?",
            *values,
            window.limit,
            window.offset,
        )
        return {
            "deliveries": [_view(row) for row in rows],
            "total": total,
            "limit": window.limit,
            "offset": window.offset,
        }


def _view(row: sqlite3.Row) -> Json:
    same = ("channel_id", "policy_id", "alarm_id", "event_type", "attempts", "error")
    return {
        "id": row["id"],
        "channel_type": row["channel_type"],
        "status": row["status"],
        "sent_at": iso(row["sent_at"]),
        **{key: row[key] for key in same},
        "created_at": iso(row["created_at"]),
        "next_attempt_at": iso(row["next_attempt_at"]),
    }
