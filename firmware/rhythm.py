"""When a sleeper samples, connects, and asks for the time. Loaded with sleeper.py only."""

import binascii
import random

from micropython import const

from firmware import unload

# Samples until the next attempt, at most, and how often that can double.
_MOST_WAIT = const(64)
_MOST_STEPS = const(6)
# While it sleeps the chip's clock runs some percent fast or slow: the time is asked for anew.
_SYNC_S = const(3600)


class Grid:
    """The instants at which samples are due, in seconds of the chip's clock, which may be set."""

    def __init__(self, clock, kept):
        """The first one is now, or the one that the last wake slept for."""
        self.clock = clock
        self.kept = kept
        self._base = clock.ticks_ms()
        self._base_s = self.due_s = clock.stamp()
        if kept.is_wake and kept.due_s is not None:
            self.due_s = kept.due_s
        self._is_new = True

    def _now_ms(self):
        """Return the time since base_s, whatever the clock was set to meanwhile."""
        return self.clock.ticks_diff(self.clock.ticks_ms(), self._base)

    def advance(self, interval_s):
        """Go on to the next instant that is still to come; return how many were missed."""
        late_s = self._base_s + self._now_ms() // 1000 - self.due_s
        if self._is_new and not -interval_s <= late_s < 2 * interval_s:
            # The clock was set while it slept, or the memory of it means nothing.
            self.due_s += late_s
            late_s = 0
        self._is_new = False
        missed = max(0, late_s // interval_s)
        self.due_s += (missed + 1) * interval_s
        return missed

    def left_ms(self):
        """Return the time until the next instant, at least 1."""
        return max(1, (self.due_s - self._base_s) * 1000 - self._now_ms())

    def wait(self, sleep_ms):
        """Have the next instant in so long instead."""
        self.due_s = self._base_s + (self._now_ms() + sleep_ms) // 1000

    def rest(self, interval_s):
        """Return for how long to sleep, in ms, and keep the instant for the next wake."""
        if (self.due_s - self._base_s) * 1000 <= self._now_ms():
            self.advance(interval_s)
        # If the clock was set, the grid moves with it. Rounding makes up to a second.
        moved_s = self.clock.stamp() - self._base_s - self._now_ms() // 1000
        self.kept.due_s = self.due_s + (moved_s if abs(moved_s) > 1 else 0)
        return self.left_ms()


def is_due(kept, every):
    """Tell whether to connect now. After a failure that is not sooner than put_off() said."""
    if kept.failures:
        return kept.since >= kept.wait
    return kept.since >= every or kept.is_untold or kept.is_urgent or kept.front.is_nearly_full()


def put_off(kept, every):
    """Take an attempt as failed: twice as many samples go by until the next one, up to 64.

    Half of that at least: devices that lost their broker together do not come back together.
    """
    kept.failures += 1
    kept.since = 0
    step = 1 if kept.is_urgent else every
    step = min(step << min(kept.failures, _MOST_STEPS), _MOST_WAIT)
    kept.wait = step - random.randrange(step // 2)


def delivered(kept):
    kept.failures = kept.wait = 0
    kept.is_urgent = False


def has_news(sleeper):
    """Tell whether this sample is worth to connect at once: an alarm, or trouble with a sensor.

    What sensors tell in each wake anew is passed on once.
    """
    kept, events = sleeper.kept, sleeper.told
    check = 0
    for event_type, metadata in events:
        check = binascii.crc32((event_type + metadata["sensor"]).encode(), check)
    has_news = sleeper.sampler.is_alarmed

    def told():
        kept.told = check
        kept.save()

    if not check:
        kept.told = 0
    elif check != kept.told:
        has_news = True
        for event_type, metadata in events:
            sleeper.publisher.add_event(event_type, metadata, told)
    kept.is_urgent = kept.is_urgent or has_news
    return has_news


def account(kept, names):
    """Return what the attributes are to tell of the time awake."""
    parts = dict(zip(names, kept.parts))
    return {
        "wakes": kept.wakes,
        "awake_s": kept.awake_ms // 1000,
        "awake_ms": sum(kept.parts),
        "awake_parts_ms": parts,
    }


def keep_link(kept, wifi, server):
    """Keep what gives the next wake this link and this broker sooner."""
    from firmware import fastjoin

    kept.hint = fastjoin.hint(wifi)
    unload("fastjoin")
    kept.address = (wifi.known.get(server) or "").encode()


async def keep_time(clock, kept, job, *arguments):
    """Have the time kept as usual, but not at each wake."""
    if clock.known and 0 <= clock.stamp() - kept.floor_s < _SYNC_S:
        await clock.doubted.wait()
    return await job(*arguments)
