"""Alarm rules as users write them. engine.py runs them."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from ways_device.sandbox.db import Db
from ways_device.sandbox.wire import Json


@dataclass(frozen=True)
class Rule:
    """One rule, ready to run."""

    id: str
    name: str
    rule_type: str
    scope_type: str
    # The device, group or profile it is for; None for the whole fleet.
    scope_id: str | None
    config: Json
    severity: str
    actions: tuple[str, ...]
    cooldown_s: int
    auto_resolve: bool


class Rules:
    def __init__(self, db: Db, clock: Callable[[], float] = time.time) -> None:
        self._db = db
        self._clock = clock
