"""Time that passes when no task can go on, for all of asyncio and for the agent's own clock.

It is asyncio's poller, the module `time` of firmware.clock, and the clock of fakes at once.
"""

import asyncio
import sys
import time as real_time
from asyncio import core

from fakes.virtual import Stuck, VirtualTime

START_S = 1830000000
PERIOD = 1 << 30
_AHEAD_MS = 100_000  # the loop's time is so far ahead of the real one: nothing is ever early


class Killed(BaseException):
    """The chip has stopped, in the middle of whatever it did."""


class LoopTime(VirtualTime):
    """Time of asyncio's own loop; also the module `time` of the agent, and a clock for fakes."""

    def __init__(self):
        super().__init__()
        self.boot_ms = 0  # when the chip started
        self.rtc_off_s = 0
        self.is_dead = False
        self.limit_ms = None

    # As the module time.

    def time(self):
        return START_S + self.passed_ms // 1000 + self.rtc_off_s

    gmtime = staticmethod(real_time.gmtime)

    def ticks_ms(self):
        return (self.passed_ms - self.boot_ms) % PERIOD

    # As the clock of fakes.wlan.

    @property
    def now(self):
        return self.passed_ms

    @now.setter
    def now(self, ms):
        self.passed_ms = ms

    # As asyncio's poller.

    def wait_io_event(self, dt):
        self._wake()
        while not self.is_dead:
            task = core._task_queue.peek()
            left_ms = core.ticks_diff(task.ph_key, core.ticks()) if task else None
            if task and left_ms <= 0:
                return
            self._move_on(left_ms)
            self._wake()
        raise Killed

    def _move_on(self, left_ms):
        first = min(self._later, key=lambda entry: entry[:2]) if self._later else None
        if first and (left_ms is None or first[0] <= self.passed_ms + left_ms):
            self._later.remove(first)
            self.passed_ms = max(self.passed_ms, first[0])
            first[2]()
        elif left_ms is None:
            raise Stuck("nobody will ever go on")
        else:
            self.passed_ms += left_ms
        if self.limit_ms is not None and self.passed_ms > self.limit_ms:
            raise Stuck("awake for too long")

    def run(self, coroutine):
        """Run one wake. Raises Killed if the chip stops before its end."""
        asyncio.new_event_loop()
        core._io_queue = self
        core.cur_task = None
        self._waiting.clear()
        started_ms, first = self.passed_ms, real_time.ticks_add(real_time.ticks_ms(), _AHEAD_MS)
        ticks = core.ticks
        core.ticks = lambda: real_time.ticks_add(first, self.passed_ms - started_ms)
        try:
            return asyncio.run(coroutine)
        finally:
            core.ticks = ticks
            self._later.clear()
            asyncio.new_event_loop()


time = LoopTime()
sys.modules["time"] = time
__import__("firmware.clock")  # it keeps the module of that name which it finds now
sys.modules["time"] = real_time
