"""What was sent: messages, data points and bytes, minute by minute.

Kept per device, as long as a rule may ask for it, and for the account as a whole, where a
deleted device takes nothing back. A data point is a value that was kept; bytes are payload.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

from ways_device.sandbox.db import Db

_MINUTE_S = 60
_DAY_MINUTES = 24 * 60
_KEPT_MINUTES = 8 * _DAY_MINUTES
# A month and the days before it that are in no window.
_ACCOUNT_KEPT_MINUTES = 62 * _DAY_MINUTES

_ADD = """
INSERT INTO {table} ({key}, messages, data_points, bytes) VALUES ({marks}, 1, ?, ?)
ON CONFLICT DO UPDATE SET messages = messages + 1,
    data_points = data_points + excluded.data_points, bytes = bytes + excluded.bytes
"""
_ADD_OF_DEVICE = _ADD.format(table="traffic", key="device_id, minute", marks="?, ?")
_ADD_OF_ACCOUNT = _ADD.format(table="usage", key="minute", marks="?")


class Amount(NamedTuple):
    messages: int
    data_points: int
    payload_bytes: int


class Traffic:
    def __init__(self, db: Db, clock: Callable[[], float] = time.time) -> None:
        self._db = db
        self._clock = clock
        # The minute in which each device was last heard, the account's under ''.
        self._minutes: dict[str, int] = {}

    def count(
        self, device_id: str, received_at: float, data_points: int, payload_bytes: int
    ) -> None:
        """Count one message of a device."""
        minute = int(received_at // _MINUTE_S)
        self._db.run(_ADD_OF_DEVICE, device_id, minute, data_points, payload_bytes)
        self._db.run(_ADD_OF_ACCOUNT, minute, data_points, payload_bytes)
        if self._is_new(device_id, minute):
            sql = "DELETE FROM traffic WHERE device_id = ? AND minute < ?"
            self._db.run(sql, device_id, minute - _KEPT_MINUTES)
        if self._is_new("", minute):
            self._db.run("DELETE FROM usage WHERE minute < ?", minute - _ACCOUNT_KEPT_MINUTES)

    def messages_24h(self, device_id: str) -> int:
        sql = "SELECT coalesce(sum(messages), 0) FROM traffic WHERE device_id = ? AND minute > ?"
        return int(self._db.scalar(sql, device_id, self._day_ago()))

    def last_24h(self) -> Amount:
        """Return what the account used in the last 24 hours, to the minute."""
        return self.since((self._day_ago() + 1) * _MINUTE_S)

    def since(self, begin: float) -> Amount:
        """Return what the account used from a full minute on, in Unix seconds."""
        row = self._db.one(
            "SELECT coalesce(sum(messages), 0), coalesce(sum(data_points), 0),"
            " coalesce(sum(bytes), 0) FROM usage WHERE minute >= ?",
            int(begin // _MINUTE_S),
        )
        return Amount(*(row or (0, 0, 0)))

    def _day_ago(self) -> int:
        return int(self._clock() // _MINUTE_S) - _DAY_MINUTES

    def _is_new(self, who: str, minute: int) -> bool:
        if self._minutes.get(who) == minute:
            return False
        self._minutes[who] = minute
        return True
