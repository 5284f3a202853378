"""Alarms: one open alarm per rule and device, from triggered to resolved, with a timeline."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from ways_device.sandbox.db import Db
from ways_device.sandbox.rules import Rule
from ways_device.sandbox.wire import Json


@dataclass(frozen=True)
class Change:
    """What happened to an alarm: triggered, acknowledged, resolved or reopened."""

    event_type: str
    # The alarm as the API shows it, after the change.
    alarm: Json
    occurred_at: float


class Alarms:
    """on_change is called within the transaction of the change."""

    def __init__(
        self, db: Db, on_change: Callable[[Change], None], clock: Callable[[], float] = time.time
    ) -> None:
        self._db = db
        self._on_change = on_change
        self._clock = clock

    def trigger(self, rule: Rule, device_id: str, title: str, message: str) -> Json:
        """Open an alarm, or count one more occurrence of the open one. Returns the alarm."""
        return {}

    def clear(self, rule: Rule, device_id: str) -> None:
        """The rule's condition is over: resolve its open alarm, if there is one."""
