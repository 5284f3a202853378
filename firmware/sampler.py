"""Asks every sensor at the reporting interval and gives the store what they tell."""

import asyncio
import json

from micropython import const

from firmware import codec

# A read that takes longer is given up.
_SENSOR_MS = const(5_000)
_SLACK_MS = const(30_000)


class Sampler:
    # Until they change they take no room in the object, which is made when memory is scarcest.
    failing = None  # what is known of sensors that failed, see failing.py
    is_whole = True  # nobody is taking a reading, and the last one was taken to its end
    is_alarmed = False  # a sample was found beyond a limit, see filters.py

    def __init__(self, sensors, reading, store, clock, log, interval_s, tell):
        """sensors is [(kind, sensor)]; reading holds the datapoints of all of them.

        tell(event_type, metadata) tells the platform.
        """
        self.sensors = sensors
        self.reading = reading
        self.store = store
        self.clock = clock
        self.log = log
        self.tell = tell
        self.changed = asyncio.Event()
        self.set_interval(interval_s)
        self.free = asyncio.Event()
        self.free.set()

    def set_interval(self, interval_s):
        """Have another reporting interval from now on, counted from the last reading."""
        self.interval_ms = interval_s * 1000
        self.changed.set()

    async def sample(self):
        """Take a reading now, with or without run(); return {key: value} as the wire has it.

        One that is being taken will do.
        """
        await self.take()
        return json.loads(codec.telemetry(self.reading, None, None) or "{}")

    async def run(self):
        """Sample at once, then on a grid of intervals that no delay shifts."""
        if self.store.retained.disabled:
            from firmware import failing

            failing.tell_disabled(self)
        self.changed.clear()
        await self.keep_grid(self.clock.ticks_ms())

    async def keep_grid(self, last):
        """Sample for ever, first at the ticks of last."""
        clock = self.clock
        while True:
            await self.take(last)
            missed = clock.ticks_diff(clock.ticks_ms(), last) // self.interval_ms
            if missed > 0:
                self.log.warn("samples_missed", count=missed)
            while True:
                now, interval_ms = clock.ticks_ms(), self.interval_ms
                late_ms = clock.ticks_diff(now, last) % interval_ms
                last = clock.ticks_add(now, -late_ms)
                if not await self.changed_within(interval_ms - late_ms):
                    break
            last = clock.ticks_add(last, interval_ms)

    async def changed_within(self, wait_ms):
        """Wait; return True at once when the interval changes."""
        # A reading on demand may have begun just before ours is due.
        self.clock.alive("sampler", wait_ms + 2 * _SENSOR_MS * len(self.sensors) + _SLACK_MS)
        try:
            await asyncio.wait_for_ms(self.changed.wait(), wait_ms)
        except asyncio.TimeoutError:
            return False
        self.changed.clear()
        return True

    async def take(self, due=None):
        """Take a reading, due on the grid at these ticks or (None) on demand: one at a time.

        Whoever comes while another one is being taken waits for that one, and has it for his.
        """
        while not self.free.is_set():
            await self.free.wait()
            if self.is_whole:
                return
        self.free.clear()
        self.is_whole = False
        try:
            self.is_whole = await self.sample_all(due)
        finally:
            self.free.set()

    async def sample_all(self, _due):
        """Ask all sensors; return True. A sensor that fails costs only its own values."""
        self.begin()
        for number in range(len(self.sensors)):
            self.reading = await self.ask(number, self.reading)
        self.append()
        return True

    def begin(self):
        """Have an empty reading of this moment."""
        reading = self.reading
        reading.clear()
        reading.stamp = self.clock.stamp()
        reading.time_known = self.clock.known

    def append(self):
        """Give the store the reading, unless nothing is in it."""
        if self.reading.is_empty():
            self.store.retained.save()  # append() does: no sensor is being read any more
            return
        seq = self.store.append(self.reading.pack())
        self.log.debug("reading_taken", boot=self.store.boot, seq=seq)

    async def ask(self, number, reading):
        """Have a sensor set its values in reading; return the reading to go on with.

        That is another one if the sensor was given up: it may set something yet.
        """
        retained = self.store.retained
        if retained.disabled >> number & 1 or (self.failing and self.failing.reads(number)):
            return reading
        # Should this stall the chip, the next start is to know who did it.
        retained.busy = number + 1
        retained.save()
        done = asyncio.Event()
        why = ["timeout"]
        # A task of its own: a driver that swallows its cancellation would be waited for.
        task = asyncio.create_task(_read(self.sensors[number][1], reading, why, done))
        try:
            await asyncio.wait_for_ms(done.wait(), _SENSOR_MS)
        except asyncio.TimeoutError:
            pass
        finally:
            task.cancel()
            retained.busy = 0
        if why[0] is None and self.failing is None:
            return reading
        try:
            from firmware import failing
        except MemoryError as exc:  # all the others go on all the same
            self.log.warn("sensor_failed", why=exc)
            return reading
        return failing.judge(self, number, why[0], reading, task)


async def _read(sensor, reading, why, done):
    """Have a sensor set its values; why[0] becomes what it raised, None if nothing."""
    try:
        await sensor.read_into(reading)
        why[0] = None
    except Exception as exc:  # whatever somebody's own driver raises
        why[0] = exc
    finally:
        done.set()
