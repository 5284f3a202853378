"""Sends queued notifications, again and later where that failed.

An attempt is counted before it is made, and the next one is due by then: a sandbox that is killed
in the middle of a send makes the next attempt after its restart, so a receiver may get a message
twice (its id is the same) but no message is forgotten.
"""

import asyncio
import json
import random
import sqlite3
import time
import uuid
from collections.abc import Callable

from ways_device.sandbox import secrecy, wire
from ways_device.sandbox.channels import Channels
from ways_device.sandbox.db import Db
from ways_device.sandbox.send_errors import FinalError, SendError
from ways_device.sandbox.transports import DEADLINE_S, Transports
from ways_device.sandbox.wire import Json, iso

ATTEMPTS_MAX = 6
FIRST_WAIT_S = 2.0
# What waits longest has waited for 2 + 4 + 8 + 16 + 32 seconds in all.
_WAIT_MAX_S = 60.0
_AT_ONCE = 8
_IDLE_S = 0.25
_KEPT_S = 30 * 86_400.0
_TIDY_S = 3600.0
_SENT = "Test notification sent successfully"


class Sender:
    """To one channel one message at a time, in order; to all together _AT_ONCE.

    jitter gives a number from 0 to 1.
    """

    def __init__(
        self,
        db: Db,
        channels: Channels,
        transports: Transports,
        clock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._db = db
        self._channels = channels
        self._transports = transports
        self._clock = clock
        self._jitter = jitter
        # What is being sent, by the channel's id or the URL.
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._tidied_at = 0.0

    async def run(self) -> None:
        """Send what is due, for ever."""
        try:
            while True:
                self._tidy()
                self._start()
                if self._busy:
                    await asyncio.wait(
                        self._busy.values(),
                        timeout=_IDLE_S,
                        return_when=asyncio.FIRST_COMPLETED,
                    )
                else:
                    await asyncio.sleep(_IDLE_S)
        finally:
            for task in self._busy.values():
                task.cancel()
            await asyncio.gather(*self._busy.values(), return_exceptions=True)

    async def settle(self) -> None:
        """Send all that is due now, and return when that is over."""
        self._start()
        while self._busy:
            await asyncio.wait(self._busy.values(), return_when=asyncio.FIRST_COMPLETED)
            self._start()

    async def test(self, channel_id: str) -> Json:
        """Send a test at once, one attempt only; disabled or not. Raises AbsentError."""
        row = self._channels.row(channel_id)
        notification_id, now = str(uuid.uuid4()), self._clock()
        document = {
            "id": notification_id,
            "event_type": "test",
            "occurred_at": iso(now),
            "channel": {"id": channel_id, "name": row["name"]},
        }
        error = await self._attempt(row["channel_type"], json.loads(row["config"]), document)
        if self._channel(channel_id) is not None:
            self._db.run(
                "INSERT INTO notifications (id, channel_id, channel_type, event_type, kind,"
                " message, status, attempts, error, created_at, sent_at)"
                " VALUES (?, ?, ?, 'test', 'test', ?, ?, 1, ?, ?, ?)",
                *(notification_id, channel_id, row["channel_type"], wire.dump(document)),
                "failed" if error else "delivered",
                str(error) if error else None,
                now,
                None if error else self._clock(),
            )
        text = _SENT if error is None else f"Test notification failed: {error}"
        return {"success": error is None, "message": text, "channel_id": channel_id}

    def _start(self) -> None:
        """Begin to send what is due, as far as there is room."""
        for task in [task for task in self._busy.values() if task.done()]:
            task.result()  # a database that fails ends the sandbox, as anywhere else
        self._busy = {name: task for name, task in self._busy.items() if not task.done()}
        while len(self._busy) < _AT_ONCE and (row := self._due()) is not None:
            name = row["channel_id"] or row["url"] or ""
            self._busy[name] = asyncio.create_task(self._send(row))

    def _due(self) -> sqlite3.Row | None:
        return self._db.one(
            "SELECT * FROM notifications WHERE status = 'pending' AND next_attempt_at <= ?"
            " AND coalesce(channel_id, url, '') NOT IN (SELECT value FROM json_each(?))"
            " ORDER BY next_attempt_at, rowid LIMIT 1",
            self._clock(),
            wire.dump(list(self._busy)),
        )

    async def _send(self, row: sqlite3.Row) -> None:
        channel = self._channel(row["channel_id"])
        if channel is not None and not channel["is_enabled"]:
            return self._end(row["id"], "failed", "the channel is disabled")
        config = {"url": row["url"]} if channel is None else json.loads(channel["config"])
        attempts = row["attempts"] + 1
        self._db.run(
            "UPDATE notifications SET attempts = ?, next_attempt_at = ? WHERE id = ?",
            attempts,
            self._clock() + DEADLINE_S + self._wait_s(attempts),
            row["id"],
        )
        error = await self._attempt(row["channel_type"], config, json.loads(row["message"]))
        if error is None:
            self._end(row["id"], "delivered", None)
        elif isinstance(error, FinalError) or attempts >= ATTEMPTS_MAX:
            self._end(row["id"], "failed", str(error))
        else:
            # It has failed for good if its channel was deleted in the meantime.
            self._db.run(
                "UPDATE notifications SET error = ?, next_attempt_at = ?"
                " WHERE id = ? AND status = 'pending'",
                str(error),
                self._clock() + self._wait_s(attempts),
                row["id"],
            )
        return None

    async def _attempt(self, channel_type: str, config: Json, document: Json) -> SendError | None:
        """Returns what went wrong, in words without secrets."""
        try:
            await self._transports.send(channel_type, config, document)
        except SendError as exc:
            return type(exc)(secrecy.scrub(str(exc), config))
        except Exception as exc:
            # Whatever a library raises is the trouble of this one message.
            return SendError(secrecy.scrub(f"{type(exc).__name__}: {exc}", config))
        return None

    def _end(self, notification_id: str, status: str, error: str | None) -> None:
        self._db.run(
            "UPDATE notifications SET status = ?, error = ?, sent_at = ?, next_attempt_at = NULL"
            " WHERE id = ?",
            status,
            error,
            self._clock() if status == "delivered" else None,
            notification_id,
        )

    def _wait_s(self, attempts: int) -> float:
        """Return the pause after so many attempts: doubled each time, half of it by chance."""
        longest = min(_WAIT_MAX_S, FIRST_WAIT_S * 2.0 ** (attempts - 1))
        return longest * (1 + self._jitter()) / 2

    def _channel(self, channel_id: str | None) -> sqlite3.Row | None:
        return self._db.one("SELECT * FROM channels WHERE id = ?", channel_id)

    def _tidy(self) -> None:
        """Forget old history, now and then."""
        now = self._clock()
        if 0 <= now - self._tidied_at < _TIDY_S:
            return
        self._tidied_at = now
        sql = "DELETE FROM notifications WHERE status <> 'pending' AND created_at < ?"
        self._db.run(sql, now - _KEPT_S)
