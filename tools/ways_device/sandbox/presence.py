"""Who is connected, from the broker's own record of sessions, and how steadily.

The broker goes first. What a device says on its status topic, and what its last will says there,
is shown as its status and changes nothing here: a device can say anything, a retained offline
outlives the session that it was meant for, and the will of a session that was taken over comes
when the next one is open already. How steadiness is scored is assumed.
"""

import re
import time
from collections.abc import Callable

from ways_device.sandbox.db import Db

DAY_S = 24 * 3600
_KEPT_DAYS = 8
_POINTS_PER_BREAK = 5
_HOUR_S = 3600
_UNSTABLE_BREAKS = 3

_OPENED = re.compile(r"New client connected from \S+ as ([A-Za-z0-9_-]{1,64}) \(p\d")
_CLOSED = re.compile(r"Client ([A-Za-z0-9_-]{1,64}) (.+)")
# A refused login names its client id too; it says nothing about the session of that name.
_REFUSED = "disconnected, not authorised."
_CLEAN = ("disconnected.", "been disconnected by administrative action.")


class Presence:
    def __init__(self, db: Db, clock: Callable[[], float] = time.time) -> None:
        self._db = db
        self._clock = clock

    def read_log(self, line: str) -> None:
        """Take in one line of mosquitto's log; lines that are no news of sessions are ignored."""
        if found := _OPENED.match(line):
            self.opened(found[1])
        elif (found := _CLOSED.fullmatch(line)) and found[2] != _REFUSED:
            self.closed(found[1], is_clean=found[2] in _CLEAN)

    def opened(self, device_id: str) -> None:
        """A session began; one that was still open under that id is over."""
        now = self._clock()
        with self._db.transaction():
            self.closed(device_id, is_clean=False)
            known = self._db.run(
                "UPDATE devices SET last_seen = ? WHERE device_id = ?", now, device_id
            )
            if known:
                sql = "INSERT INTO sessions (device_id, opened_at) VALUES (?, ?)"
                self._db.run(sql, device_id, now)
            old = now - _KEPT_DAYS * DAY_S
            self._db.run("DELETE FROM sessions WHERE closed_at < ?", old)

    def closed(self, device_id: str, is_clean: bool) -> None:
        self._db.run(
            "UPDATE sessions SET closed_at = ?, clean = ?"
            " WHERE device_id = ? AND closed_at IS NULL",
            self._clock(),
            is_clean,
            device_id,
        )

    def all_closed(self) -> None:
        """The broker is gone. That is no device's fault."""
        sql = "UPDATE sessions SET closed_at = ?, clean = 1 WHERE closed_at IS NULL"
        self._db.run(sql, self._clock())

    def connection_status(self, device_id: str) -> str | None:
        """Return how the device is connected, None if it never was.

        connected, unstable if it is but lost a session three times in the last hour, or
        disconnected.
        """
        still_open = self._db.scalar(
            "SELECT max(closed_at IS NULL) FROM sessions WHERE device_id = ?", device_id
        )
        if still_open is None:
            return None
        if not still_open:
            return "disconnected"
        is_unstable = self._breaks(device_id, _HOUR_S) >= _UNSTABLE_BREAKS
        return "unstable" if is_unstable else "connected"

    def stability_score(self, device_id: str) -> int | None:
        """Return 100 less 5 for each session that broke in the last 24 h, at least 0."""
        if self.connection_status(device_id) is None:
            return None
        return max(0, 100 - _POINTS_PER_BREAK * self._breaks(device_id, DAY_S))

    def _breaks(self, device_id: str, span_s: float) -> int:
        """Return how many sessions broke in the last span_s seconds."""
        count = self._db.scalar(
            "SELECT count(*) FROM sessions WHERE device_id = ? AND clean = 0 AND closed_at > ?",
            device_id,
            self._clock() - span_s,
        )
        return int(count)

    def uptime_pct(self, device_id: str) -> int | None:
        """Return for how much of the last 24 h, or since the first session, one was open."""
        now = self._clock()
        since = now - DAY_S
        first, open_s = self._db.all(
            "SELECT min(opened_at), sum(max(0, coalesce(closed_at, ?) - max(opened_at, ?)))"
            " FROM sessions WHERE device_id = ?",
            now,
            since,
            device_id,
        )[0]
        if first is None:
            return None
        whole_s = now - max(first, since)
        return round(100 * min(1.0, open_s / whole_s)) if whole_s > 0 else 100
