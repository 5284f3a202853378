"""The durable session that brings what devices publish from the broker into the database.

A message is acknowledged only after it is committed, so neither a crash of this process nor one
of the broker's stops loses what the broker has taken. What was committed but not yet acknowledged
is sent again by the broker; it is known again by its packet id and content, and not counted twice.
"""

import asyncio
import hashlib
import sys
import time
from collections.abc import Callable

import aiomqtt

from ways_device.errors import ToolError
from ways_device.sandbox.account import Account
from ways_device.sandbox.db import Db
from ways_device.sandbox.ingest import Ingest, is_downlink

TOPIC = "devices/+/#"
_BATCH_MAX = 100
_RETRY_S = 0.05
# Messages the broker may have sent without an acknowledgement, and some more.
_REMEMBERED = 256


class Subscriber:
    """subscribed is set while the session is up."""

    def __init__(
        self,
        account: Account,
        db: Db,
        ingest: Ingest,
        broker_up: asyncio.Event,
        on_subscribed: Callable[[], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._account = account
        self._db = db
        self._ingest = ingest
        self._broker_up = broker_up
        self._on_subscribed = on_subscribed
        self._clock = clock
        self.subscribed = asyncio.Event()

    async def run(self) -> None:
        """Keep the session up for ever."""
        while True:
            await self._broker_up.wait()
            try:
                await self._session()
            except aiomqtt.MqttError:
                await asyncio.sleep(_RETRY_S)
            finally:
                self.subscribed.clear()

    async def _session(self) -> None:
        client = self._account.client(clean_session=False)
        # aiomqtt has no switch for this: by default paho acknowledges before we have stored.
        client._client.manual_ack_set(True)
        async with client:
            await client.subscribe(TOPIC, qos=1)
            self.subscribed.set()
            self._on_subscribed()
            messages = client.messages
            while True:
                batch = [await anext(messages)]
                while len(messages) and len(batch) < _BATCH_MAX:
                    batch.append(await anext(messages))
                self._store(batch)
                for message in batch:
                    client._client.ack(message.mid, message.qos)

    def _store(self, batch: list[aiomqtt.Message]) -> None:
        with self._db.transaction():
            for message in batch:
                # Retained messages are repeated at every subscription: they are no news. And of
                # what goes to devices not even a digest is kept: a command may hold a password.
                is_news = not message.retain and not is_downlink(str(message.topic))
                if is_news and not self._is_repeated(message):
                    self._take(message, self._clock())
            last = self._db.scalar("SELECT max(id) FROM received") or 0
            self._db.run("DELETE FROM received WHERE id <= ?", last - _REMEMBERED)

    def _take(self, message: aiomqtt.Message, received_at: float) -> None:
        topic, payload = str(message.topic), bytes(message.payload)
        try:
            with self._db.transaction():
                self._ingest.take(topic, payload, received_at)
        except ToolError:
            raise  # a full disk is no fault of the message: end here, and leave it unacknowledged
        except Exception as exc:  # one message must never stop all that come after it
            print(f"sandbox: message on {topic} skipped: {exc!r}", file=sys.stderr)

    def _is_repeated(self, message: aiomqtt.Message) -> bool:
        """Tell whether this very message was stored before; remember it."""
        if message.qos == 0:
            return False
        digest = hashlib.sha256(str(message.topic).encode() + b"\0" + message.payload).digest()
        known = "SELECT 1 FROM received WHERE packet_id = ? AND digest = ?"
        if self._db.one(known, message.mid, digest):
            return True
        insert = "INSERT INTO received (packet_id, digest) VALUES (?, ?)"
        self._db.run(insert, message.mid, digest)
        return False
