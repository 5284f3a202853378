"""Asks every sensor at the reporting interval and gives the store what they tell."""

import asyncio

from firmware.errors import SensorError

_SENSOR_MS = 5000


class Sampler:
    def __init__(self, sensors, reading, store, clock, log, interval_s):
        """sensors is [(kind, sensor)]; reading holds the datapoints of all of them."""
        self.sensors = sensors
        self.reading = reading
        self.store = store
        self.clock = clock
        self.log = log
        self._interval_ms = interval_s * 1000

    async def run(self):
        """Sample at once, then on a grid of intervals that no delay shifts."""
        clock = self.clock
        due = clock.ticks_ms()
        while True:
            await self.sample()
            missed = -1
            while True:
                due = clock.ticks_add(due, self._interval_ms)
                wait_ms = clock.ticks_diff(due, clock.ticks_ms())
                missed += 1
                if wait_ms > 0:
                    break
            if missed:
                self.log.warn("samples_missed", count=missed)
            await clock.sleep_ms(wait_ms)

    async def sample(self):
        """Take one reading. A sensor that fails costs only its own values."""
        reading = self.reading
        reading.clear()
        reading.stamp = self.clock.stamp()
        reading.time_known = self.clock.known
        for kind, sensor in self.sensors:
            try:
                await asyncio.wait_for_ms(sensor.read_into(reading), _SENSOR_MS)
            except asyncio.TimeoutError:
                self.log.warn("sensor_skipped", sensor=kind, why="timeout")
            except (SensorError, OSError) as exc:
                self.log.warn("sensor_skipped", sensor=kind, why=exc)
        if reading.is_empty():
            return
        seq = self.store.append(reading.pack())
        self.log.debug("reading_taken", boot=self.store.boot, seq=seq)
