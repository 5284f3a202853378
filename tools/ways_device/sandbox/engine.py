"""Runs the alarm rules: by what devices send (thresholds.py), and by time (watches.py).

Devices that are not active are left alone: nothing about them begins, ends or is told. When a
device or a whole rule drops out, what held is forgotten, and alarms stay as they are.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from ways_device.sandbox import scopes
from ways_device.sandbox.alarms import Alarms
from ways_device.sandbox.db import Db
from ways_device.sandbox.responder import Responder, SendWebhook
from ways_device.sandbox.rule_states import States
from ways_device.sandbox.rules import Rules
from ways_device.sandbox.thresholds import Thresholds
from ways_device.sandbox.watches import GRACE_S, Watches

_TICK_S = 1.0


class Engine:
    def __init__(
        self,
        db: Db,
        rules: Rules,
        alarms: Alarms,
        send_webhook: SendWebhook,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._db = db
        self._rules = rules
        self._clock = clock
        self._states = States(db)
        responder = Responder(db, self._states, alarms, send_webhook, clock)
        self._thresholds = Thresholds(db, rules, self._states, responder)
        self._watches = Watches(db, rules, self._states, responder)
        self._started_at: float | None = None

    def on_value(
        self, device_id: str, datapoint_id: str, value: Any, measured_at: float, received_at: float
    ) -> None:
        """A device sent a value of a datapoint, of the datapoint's type."""
        self._thresholds.on_value(device_id, datapoint_id, value, measured_at, received_at)

    def tick(self) -> None:
        """Evaluate what changes by time alone: silence, rates, durations."""
        now = self._clock()
        with self._db.transaction():
            if self._started_at is None:
                self._started_at = now
                # Whether it held while the sandbox did not run, nobody knows.
                self._states.postpone(now + GRACE_S)
            for rule in self._rules.enabled():
                self._states.release_outside(rule.id, scopes.covered(rule), rule.scope_id)
            self._thresholds.tick(now)
            self._watches.tick(now, self._started_at)

    async def run(self) -> None:
        """Tick for ever."""
        while True:
            self.tick()
            await asyncio.sleep(_TICK_S)
