"""A sampler over sensors that do as they are told, in virtual time."""

import asyncio
import gc
from asyncio import core

from fakes.log import Lines
from fakes.virtual import PERIOD, VirtualTime
from firmware.reading import Datapoint, Reading
from firmware.sampler import Sampler

EPOCH_S = 1795392000


class SamplingTime(VirtualTime):
    """The clock of a sampler too. It finds promises of alive() that are not kept."""

    known = True

    def __init__(self, limit_ms=3_600_000, start_ms=PERIOD - 5_000):
        super().__init__(limit_ms, start_ms)
        self.due_ms = None
        self.broken = []

    def stamp(self):
        return EPOCH_S + self.passed_ms // 1000

    def uptime_ms(self):
        return self.passed_ms

    def alive(self, name, within_ms):
        if self.due_ms is not None and self.passed_ms > self.due_ms:
            self.broken.append((name, self.passed_ms - self.due_ms))
        self.due_ms = self.passed_ms + within_ms

    def run(self, coroutine):
        wait_for_ms, asyncio.wait_for_ms = asyncio.wait_for_ms, self._wait_for_ms
        try:
            return super().run(coroutine)
        finally:
            asyncio.wait_for_ms = wait_for_ms

    def _create_task(self, coroutine):
        return core.create_task(coroutine)  # there are too many to keep them

    async def _wait_for_ms(self, awaitable, ms):
        """As asyncio's, which waits for what it has cancelled."""
        over = asyncio.Event()
        came = []

        async def run():
            try:
                came.append(await awaitable)
            finally:
                over.set()

        task = core.create_task(run())
        self._note(max(0, ms), over.set)
        note = self._later[-1]
        try:
            await over.wait()
            if not came:
                task.cancel()
                await task_end(task)
                raise asyncio.TimeoutError
            return came[0]
        finally:
            task.cancel()
            if note in self._later:
                self._later.remove(note)


async def task_end(task):
    try:
        await task
    except asyncio.CancelledError:
        pass


class Store:
    """Takes records and numbers them; retained is a part of it, and counts how it is saved."""

    boot = 1
    next_seq = 0

    def __init__(self):
        self.retained = self
        self.records = []
        self.busy = self.disabled = 0
        self.saved = []  # busy, as each of the last saves had it

    def append(self, record):
        # What is kept here, for good and bit by bit, would lie all over the heap.
        gc.collect()
        self.records.append(record)
        self.save()
        return len(self.records) - 1

    def save(self):
        self.saved.append(self.busy)
        del self.saved[:-20]


class Sensor:
    """Tells tell(seconds since the start) for its first datapoint, or acts(self, reading)."""

    acts = None

    def __init__(self, time, *points, tell=lambda _: 7, cost_ms=0):
        self.points = tuple(Datapoint(one) if isinstance(one, str) else one for one in points)
        self.time = time
        self.tell = tell
        self.cost_ms = cost_ms
        self.asked_ms = []

    async def read_into(self, reading):
        self.asked_ms.append(self.time.passed_ms)
        if self.acts:
            await self.acts(self, reading)
        elif self.cost_ms:
            await self.time.sleep_ms(self.cost_ms)
        reading.set(self.points[0].key, self.tell(self.time.passed_ms // 1000))


class Rig:
    def __init__(self, time, sensors, interval_s=10, make=Sampler):
        """sensors is [(kind, sensor)]."""
        self.time = time
        self.lines = Lines()
        self.events = []
        self.store = Store()
        points = []
        for _, sensor in sensors:
            points.extend(sensor.points)
        self.points = points
        self.sampler = make(
            sensors, Reading(points), self.store, time, self.lines.log("sampler"), interval_s,
            lambda event_type, metadata: self.events.append((event_type, metadata)),
        )  # fmt: skip

    def run(self, seconds, *others):
        """Run the sampler for half a second more, beside coroutine functions of others."""

        async def main():
            jobs = (self.sampler.run,) + others
            tasks = [asyncio.create_task(job()) for job in jobs]
            await self.time.sleep_ms(seconds * 1000 + 500)
            for task in tasks:
                task.cancel()
            await asyncio.sleep_ms(0)

        self.time.run(main())
        assert self.time.unhandled == [], self.time.unhandled
        assert self.time.broken == [], self.time.broken

    def taken(self):
        """Return [(seconds since the start, {key: integer value})] of all readings."""
        reading = Reading(self.points)
        told = []
        for record in self.store.records:
            reading.unpack(record)
            pairs = zip(reading.points, reading.values)
            values = {point.key: value for point, value in pairs if value is not None}
            told.append((reading.stamp - EPOCH_S, values))
        return told

    def series(self, key):
        """Return [(seconds, value)] of one datapoint."""
        return [(at, values[key]) for at, values in self.taken() if key in values]
