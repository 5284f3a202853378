"""Asks every sensor at the reporting interval and gives the store what they tell."""

import asyncio

from firmware.errors import SensorError

_SENSOR_MS = 5000


class Sampler:
    def __init__(self, sensors, reading, store, clock, log, interval_s):
        """sensors is [(kind, sensor)]; reading holds the datapoints of all of them."""
        self._sensors = sensors
        self._reading = reading
        self._store = store
        self._clock = clock
        self._log = log
        self._interval_ms = interval_s * 1000

    async def run(self):
        """Sample at once, then on a grid of intervals that no delay shifts."""
        clock = self._clock
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
                self._log.warn("samples_missed", count=missed)
            await clock.sleep_ms(wait_ms)

    async def sample(self):
        """Take one reading. A sensor that fails costs only its own values."""
        reading = self._reading
        reading.clear()
        reading.stamp = self._clock.stamp()
        reading.time_known = self._clock.known
        for kind, sensor in self._sensors:
            try:
                await asyncio.wait_for_ms(sensor.read_into(reading), _SENSOR_MS)
            except asyncio.TimeoutError:
                self._log.warn("sensor_skipped", sensor=kind, why="timeout")
            except (SensorError, OSError) as exc:
                self._log.warn("sensor_skipped", sensor=kind, why=exc)
        if reading.is_empty():
            return
        seq = self._store.append(reading.pack())
        self._log.debug("reading_taken", boot=self._store.boot, seq=seq)
