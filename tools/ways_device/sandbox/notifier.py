"""Decides who is told of what: alarm changes through policies, webhooks of rules."""

import time
from collections.abc import Callable

from ways_device.sandbox.alarms import Change
from ways_device.sandbox.db import Db
from ways_device.sandbox.rules import Rule
from ways_device.sandbox.wire import Json


class Notifier:
    """Puts messages into the table of notifications; sender.py brings them out."""

    def __init__(self, db: Db, clock: Callable[[], float] = time.time) -> None:
        self._db = db
        self._clock = clock

    def on_change(self, change: Change) -> None:
        """Queue a message for each channel of each policy that the change matches."""

    def on_webhook(self, rule: Rule, device_id: str, document: Json) -> None:
        """Queue what a rule with the action send_webhook tells."""
