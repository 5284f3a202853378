"""A sampler for sensors with general options: each on its own grid, see filters.py.

Loaded only if the settings have such a sensor.
"""

from firmware.filters import Filtered
from firmware.sampler import Sampler


class Schedule(Sampler):
    report_due = 0  # ticks; when the next reading is due
    missed = 0

    def __init__(self, sensors, reading, *others):
        """Take what a Sampler takes; some of the sensors are Filtered."""
        super().__init__(sensors, reading, *others)
        at = 0
        self.filtered = []
        for number, (_, sensor) in enumerate(sensors):
            if is_filtered(sensor):
                self.filtered.append((number, sensor))
                for channel in sensor.channels:
                    channel.at = at
                    at += len(channel.points)
            else:
                at += len(sensor.points)

    async def keep_grid(self, last):
        """Ask each sensor on its own grid for ever, first at the ticks of last."""
        clock = self.clock
        self.report_due = last
        self.missed = 0
        for _, sensor in self.filtered:
            sensor.due = last
        while True:
            now = clock.ticks_ms()
            await self.take(now)
            if self._is_past(self.report_due, now):
                self.report_due = self._next(self.report_due, self.interval_ms)
                if self.missed:
                    self.log.warn("samples_missed", count=self.missed)
                    self.missed = 0
            interval_ms = self.interval_ms
            if await self.changed_within(self._wait_ms()):
                # The grid goes on from the last reading.
                now, last = clock.ticks_ms(), clock.ticks_add(self.report_due, -interval_ms)
                interval_ms = self.interval_ms
                left_ms = interval_ms - clock.ticks_diff(now, last) % interval_ms
                self.report_due = clock.ticks_add(now, left_ms)

    async def sample_all(self, due):
        """Ask the sensors that are due; return True if that made a reading, see take()."""
        is_forced = due is None
        is_reading = is_forced or self._is_past(self.report_due, due)
        for number, sensor in self.filtered:
            if is_forced or self._is_due(sensor, due, is_reading):
                await self._sample(number, sensor)
        if not is_reading:
            self.store.retained.save()
            return False
        self.begin()
        for number, (_, sensor) in enumerate(self.sensors):
            if is_filtered(sensor):
                self._report(sensor, is_forced)
            else:
                self.reading = await self.ask(number, self.reading)
        self.append()
        return True

    def _is_due(self, sensor, now, is_reading):
        # What is asked more rarely than readings are taken is asked for one: its time is right.
        if not is_reading and not 0 < sensor.every_ms < self.interval_ms:
            return False
        return not sensor.every_ms or self._is_past(sensor.due, now)

    async def _sample(self, number, sensor):
        """Have one sensor asked, and tell at once what has crossed a limit."""
        clock = self.clock
        stamp, known = clock.stamp(), clock.known
        sensor.raw.clear()
        sensor.raw = raw = await self.ask(number, sensor.raw)
        if sensor.every_ms and self._is_past(sensor.due, clock.ticks_ms()):
            sensor.due = self._next(sensor.due, sensor.every_ms)
        self.reading.clear()
        for channel, value in zip(sensor.channels, raw.values):
            if value is None:
                continue
            channel.take(value)
            was = channel.zone
            if channel.crosses(value, clock.uptime_ms() // 1000):
                self.reading.values[channel.at] = value
                channel.crossed_stamp = stamp
            if channel.zone and channel.zone != was:
                self.is_alarmed = True
        if not self.reading.is_empty():
            self.reading.stamp, self.reading.time_known = stamp, known
            self.append()

    def _report(self, sensor, is_forced):
        reading = self.reading
        for channel in sensor.channels:
            values = channel.report(self.interval_ms, is_forced)
            if values is None:
                continue
            for number, value in enumerate(values):
                reading.values[channel.at + number] = value
            # A datapoint has one value at a time: what crossed a limit rather than the mean.
            if channel.crossed_stamp == reading.stamp and not is_forced:
                reading.values[channel.at] = None

    def _wait_ms(self):
        clock = self.clock
        now = clock.ticks_ms()
        wait_ms = clock.ticks_diff(self.report_due, now)
        for _, sensor in self.filtered:
            if 0 < sensor.every_ms < self.interval_ms:
                wait_ms = min(wait_ms, clock.ticks_diff(sensor.due, now))
        return max(0, wait_ms)

    def _is_past(self, due, now):
        return self.clock.ticks_diff(due, now) <= 0

    def _next(self, due, step_ms):
        """Return the next instant of a grid after now; count those that passed meanwhile."""
        passed = self.clock.ticks_diff(self.clock.ticks_ms(), due) // step_ms
        self.missed += passed
        return self.clock.ticks_add(due, (passed + 1) * step_ms)


def is_filtered(sensor):
    return isinstance(sensor, Filtered)
