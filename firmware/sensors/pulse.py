"""Pulses at a pin, counted by interrupt: a meter's contact, a flow or rain sensor.

Options: pin; key ("pulses", those since the last reading); rate and total, keys of two datapoints
more, the pulses per minute and those since the agent started (none); rising (false: the falling
edge counts), pull ("up", "down" or "none"; "up"), debounce_ms (0, the least time between two
pulses). With more samples than reports take total: pulses of a sample that is not reported are in
no other.
Of pulses that come while the chip itself stalls (a TLS handshake, 1-3 s) up to eight are kept, and
none of those that come while it sleeps: it is no sensor for a sleeper.
"""

from micropython import const

from firmware.clock import Clock
from firmware.reading import Datapoint

_WRAP = const(0x3FFFFFFF)  # the largest integer that takes no memory


class Pulse:
    def __init__(self, pin, trigger, debounce_ms, points):
        self.points = tuple(point for point in points if point)
        self._told = points
        self._debounce_ms = debounce_ms
        self._last_ms = self._read_ms = Clock.ticks_ms()
        # Written by the interrupt alone; a reading takes the difference, so that none is lost.
        self._total = self._read = 0
        self._has_pulse = False
        self._pin = pin
        pin.irq(self._on_pulse, trigger)

    def _on_pulse(self, _pin):
        """Count. Runs between any two lines of the agent, and takes no memory."""
        now_ms = Clock.ticks_ms()
        if self._has_pulse and Clock.ticks_diff(now_ms, self._last_ms) < self._debounce_ms:
            return
        self._has_pulse = True
        self._last_ms = now_ms
        self._total = self._total + 1 & _WRAP

    async def read_into(self, reading):
        total, now_ms = self._total, Clock.ticks_ms()
        count = total - self._read & _WRAP
        passed_ms = Clock.ticks_diff(now_ms, self._read_ms)
        pulses, rate, running = self._told
        reading.set(pulses.key, count)
        if rate and passed_ms > 0:
            reading.set(rate.key, count * 60_000 / passed_ms)
        if running:
            reading.set(running.key, total)
        self._read, self._read_ms = total, now_ms


def open(board, options):
    pin = board.pin
    pulls = {"up": pin.PULL_UP, "down": pin.PULL_DOWN, "none": None}
    pull = options.pop("pull", "up")
    if pull not in pulls:
        raise ValueError("pull: up, down or none is expected")
    rate, total = options.pop("rate", None), options.pop("total", None)
    return Pulse(
        pin(options.pop("pin"), pin.IN, pulls[pull]),
        pin.IRQ_RISING if options.pop("rising", False) else pin.IRQ_FALLING,
        options.pop("debounce_ms", 0),
        (
            Datapoint(options.pop("key", "pulses")),
            Datapoint(rate, "/min", decimals=2) if rate else None,
            Datapoint(total) if total else None,
        ),
    )
