"""Runs the alarm rules: by what devices send, and by time."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from ways_device.sandbox.alarms import Alarms
from ways_device.sandbox.db import Db
from ways_device.sandbox.rules import Rule, Rules
from ways_device.sandbox.wire import Json

_TICK_S = 1.0


class Engine:
    def __init__(
        self,
        db: Db,
        rules: Rules,
        alarms: Alarms,
        send_webhook: Callable[[Rule, str, Json], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._db = db
        self._rules = rules
        self._alarms = alarms
        self._send_webhook = send_webhook
        self._clock = clock

    def on_value(
        self, device_id: str, datapoint_id: str, value: Any, measured_at: float, received_at: float
    ) -> None:
        """A device sent a value of a datapoint, of the datapoint's type."""

    def tick(self) -> None:
        """Evaluate what changes by time alone: silence, rates, durations."""

    async def run(self) -> None:
        """Tick for ever."""
        while True:
            self.tick()
            await asyncio.sleep(_TICK_S)
