"""A clock that only moves when somebody sleeps, or a test says so."""

import asyncio

from firmware.clock import Clock

PERIOD = 1 << 30


class FakeClock:
    def __init__(self, now=0, epoch_s=None):
        self.now = now
        self.epoch = epoch_s
        self.naps_ms = []
        self.dues = {}

    @property
    def known(self):
        return self.epoch is not None

    def ticks_ms(self):
        return self.now % PERIOD

    def ticks_add(self, ticks, delta):
        return (ticks + delta) % PERIOD

    def ticks_diff(self, end, start):
        return (end - start + PERIOD // 2) % PERIOD - PERIOD // 2

    def alive(self, name, within_ms):
        self.dues[name] = within_ms

    def uptime_ms(self):
        return self.now

    def stamp(self):
        return 1000 + self.now // 1000

    def now_s(self):
        return self.epoch

    def epoch_s(self, stamp, was_known, boot):
        return stamp if was_known else None

    async def sleep_ms(self, ms):
        self.now += ms
        self.naps_ms.append(ms)
        await asyncio.sleep_ms(0)


class Ticks(Clock):
    """The real clock, of which no object has to be made."""

    @staticmethod
    def alive(name, within_ms):
        pass
