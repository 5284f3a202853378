"""Sends queued notifications, again and later where that failed."""

import asyncio
import time
from collections.abc import Callable

from ways_device.sandbox.db import Db

_IDLE_S = 0.5


class Sender:
    def __init__(self, db: Db, clock: Callable[[], float] = time.time) -> None:
        self._db = db
        self._clock = clock

    async def run(self) -> None:
        """Send what is due, for ever."""
        while True:
            await asyncio.sleep(_IDLE_S)
