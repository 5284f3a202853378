"""Time: ticks for intervals, UTC for stamps, and the one place that knows the port's epoch.

Three kinds of time never mix. ticks_ms() values only go to ticks_diff(). epoch_s is Unix
seconds UTC. The chip's own clock counts from 2000 (1970 on Linux) and stays in this module.
"""

import asyncio
import time

from micropython import const

# UTC when this version was made: no true time is before it.
BUILT_EPOCH_S = 1795392000

_PORT_EPOCH_S = 946684800 if time.gmtime(0)[0] == 2000 else 0
_RESYNC_MS = const(6 * 3600 * 1000)
_LOOK_MS = const(5000)
# How long asking all servers may take, with names to look up, and then some.
_EXCHANGE_MS = const(180_000)
# A time server may be this far behind the last one, and nobody's clock is further ahead.
_TOLERANCE_S = const(2)
_HORIZON_S = const(10 * 366 * 86400)
# The floor in flash is written no more often.
_DAY_S = const(86400)


class Clock:
    def __init__(self, board, retained):
        """Keep the board; assess() is what sets anything."""
        self.board = board
        self.retained = retained
        self._last_ticks = time.ticks_ms()
        self._uptime_ms = 0
        # Set once a session may be tried: the time is known, or nobody would tell it.
        self.settled = asyncio.Event()
        # To be set by who finds reason to doubt the time: it is asked for at once.
        self.doubted = asyncio.Event()
        self.dues = {}

    ticks_ms = staticmethod(time.ticks_ms)
    ticks_diff = staticmethod(time.ticks_diff)
    ticks_add = staticmethod(time.ticks_add)
    sleep_ms = staticmethod(asyncio.sleep_ms)

    def alive(self, name, within_ms):
        """Note that a task goes on, and will say so again within this time.

        None: it waits for another task, of which that is known. See supervisor.py.
        """
        if within_ms is not None:
            within_ms = time.ticks_add(time.ticks_ms(), within_ms)
        self.dues[name] = within_ms

    def uptime_ms(self):
        """Return the time since the agent started, in ms; it does not wrap.

        Something has to ask more often than half a period of the ticks, six days.
        """
        now = time.ticks_ms()
        self._uptime_ms += time.ticks_diff(now, self._last_ticks)
        self._last_ticks = now
        return self._uptime_ms

    @property
    def known(self):
        """True when something that knows the time has set the clock in this power-on."""
        retained = self.retained
        return retained.time_known and self._raw_s() >= max(BUILT_EPOCH_S, retained.floor_s)

    def assess(self):
        """Decide what the chip's clock is worth, and never let it fall below the floor.

        TLS compares the certificate's dates with this clock. After a power cut it shows 2000:
        the last good time is wrong too, but close enough to accept a valid certificate.
        """
        retained = self.retained
        raw_s, floor_s = self._raw_s(), self._floor_s()
        if raw_s < floor_s:
            retained.time_known = False
            self._set_raw(floor_s)
        elif retained.power_on:
            # A machine keeps its own time; a chip that lost its memory has lost its time too.
            retained.time_known = self.board.has_own_time
        retained.save()
        if retained.time_known:
            self.settled.set()

    def stamp(self):
        """Return what a reading made now keeps as its time: the clock's seconds as they are."""
        return self._raw_s()

    def epoch_s(self, stamp, known, boot):
        """Return the Unix time of a stamp, or None if it cannot be known any more.

        known tells whether the clock was right at that moment. If it was not, the first
        sync of the same power-on told by how much.
        """
        if known:
            return stamp
        if self.known and boot == self.retained.boot:
            stamp += self.retained.shift_s
            # A clock that was set more than once before it was known leaves no trace of it.
            if BUILT_EPOCH_S <= stamp <= self._raw_s() + _TOLERANCE_S:
                return stamp
        return None

    def now_s(self):
        """Return the Unix time, or None while it is unknown."""
        return self._raw_s() if self.known else None

    def set_utc(self, epoch_s):
        """Set the clock to a time that is known to be true, which becomes the floor.

        The floor in NVS follows when it has to: once per power-on, and when it is a day old.
        """
        retained = self.retained
        nvs = self.board.nvs
        is_first = not self.known
        if is_first:
            retained.shift_s = epoch_s - self._raw_s()
            retained.time_known = True
        retained.floor_s = 0
        if is_first or abs(epoch_s - self._floor_s()) >= _DAY_S:
            nvs.set_i32("time_floor", epoch_s - (epoch_s >> 31 << 32))
        retained.floor_s = epoch_s
        self._set_raw(epoch_s)
        retained.save()
        self.settled.set()

    async def follow(self):
        """Settle once the time of a machine that keeps its own looks true; return True then."""
        while not self.known:
            await asyncio.sleep_ms(_LOOK_MS)
            self.retained.time_known = self._raw_s() >= self._floor_s()
        self.settled.set()
        return True

    async def run(self, exchange, up, log, backoff, *arguments):
        """Keep the clock right: exchange(*arguments) -> Unix seconds, whenever the link is up.

        The exchange raises OSError or ValueError; it has its own deadline.
        """
        while True:
            self.alive("clock", None)
            await up.wait()
            self.alive("clock", _EXCHANGE_MS)
            try:
                epoch_s = await exchange(*arguments)
                ahead_s = epoch_s - self._floor_s()
                if not -_TOLERANCE_S <= ahead_s <= _HORIZON_S:
                    raise ValueError("%d s from the last good time" % ahead_s)
                log.info("sync_done", step_s=epoch_s - self._raw_s())
                self.set_utc(epoch_s)
                backoff.reset()
                self.doubted.clear()
            except (OSError, ValueError) as exc:
                log.warn("sync_failed", why=exc)
                # A network that blocks time servers is no reason not to try the broker.
                self.settled.set()
                wait_ms = backoff.next_ms()
                self.alive("clock", wait_ms + _EXCHANGE_MS)
                await asyncio.sleep_ms(wait_ms)
                continue
            self.alive("clock", _RESYNC_MS + _EXCHANGE_MS)
            try:
                await asyncio.wait_for_ms(self.doubted.wait(), _RESYNC_MS)
            except asyncio.TimeoutError:
                pass

    def _floor_s(self):
        kept = self.board.nvs.get_i32("time_floor")
        return max(BUILT_EPOCH_S, (kept or 0) & 0xFFFFFFFF, self.retained.floor_s)

    def _raw_s(self):
        return int(time.time()) + _PORT_EPOCH_S

    def _set_raw(self, epoch_s):
        year, month, day, hour, minute, second, weekday = time.gmtime(epoch_s - _PORT_EPOCH_S)[:7]
        self.board.set_rtc((year, month, day, weekday, hour, minute, second, 0))
