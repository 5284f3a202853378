"""A limit on messages per minute, so that a backlog does not flood the account."""

from micropython import const

_MINUTE_MS = const(60_000)


class Budget:
    """A bucket that holds one minute's worth of messages and fills evenly."""

    def __init__(self, per_min, clock):
        """per_min 0 means no limit."""
        self.per_min = per_min
        self.clock = clock
        self._left = per_min * _MINUTE_MS  # one message costs _MINUTE_MS
        self._filled = clock.ticks_ms()

    def wait_ms(self):
        """Return how long to wait before the next message, 0 = it may go now."""
        if not self.per_min:
            return 0
        now = self.clock.ticks_ms()
        passed_ms = min(self.clock.ticks_diff(now, self._filled), _MINUTE_MS)
        self._filled = now
        self._left = min(self._left + passed_ms * self.per_min, self.per_min * _MINUTE_MS)
        return max(0, _MINUTE_MS - self._left + self.per_min - 1) // self.per_min

    def spend(self):
        self._left -= _MINUTE_MS
