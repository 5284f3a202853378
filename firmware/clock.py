"""Time: ticks for intervals, UTC for stamps, and the one place that knows the port's epoch.

Three kinds of time never mix. ticks_ms() values only go to ticks_diff(). epoch_s is Unix
seconds UTC. The chip's own clock counts from 2000 (1970 on Linux) and stays in this module.
"""

import asyncio
import time

# UTC when this version was made: no true time is before it.
BUILT_EPOCH_S = 1795392000

_PORT_EPOCH_S = 946684800 if time.gmtime(0)[0] == 2000 else 0
_RESYNC_MS = 6 * 3600 * 1000
_LOOK_MS = 5000
# A time server may be this far behind the last one, and nobody's clock is further ahead.
_TOLERANCE_S = 2
_HORIZON_S = 10 * 366 * 86400


class Clock:
    def __init__(self, board, retained):
        """Keep the board; start() is what sets anything."""
        self._board = board
        self._retained = retained
        self._last_ticks = time.ticks_ms()
        self._uptime_ms = 0
        # Set once a session may be tried: the time is known, or nobody would tell it.
        self.settled = asyncio.Event()
        # To be set by who finds reason to doubt the time: it is asked for at once.
        self.doubted = asyncio.Event()

    ticks_ms = staticmethod(time.ticks_ms)
    ticks_diff = staticmethod(time.ticks_diff)
    ticks_add = staticmethod(time.ticks_add)
    sleep_ms = staticmethod(asyncio.sleep_ms)

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
        return self._retained.time_known and self._raw_s() >= BUILT_EPOCH_S

    def start(self):
        """Decide what the chip's clock is worth, and never let it fall below the floor.

        TLS compares the certificate's dates with this clock. After a power cut it shows 2000:
        the last good time is wrong too, but close enough to accept a valid certificate.
        """
        retained = self._retained
        if retained.power_on:
            # A clock at or past the floor was kept running, or seeded by the host.
            retained.time_known = self._raw_s() >= self._floor_s()
        if self._raw_s() < self._floor_s():
            retained.time_known = False
            self._set_raw(self._floor_s())
        retained.save()
        if retained.time_known:
            self.settled.set()

    def stamp(self):
        """Return what a reading made now keeps as its time: the clock's seconds as they are."""
        return self._raw_s()

    def epoch_s(self, stamp, was_known, boot):
        """Return the Unix time of a stamp, or None if it cannot be known any more.

        was_known tells whether the clock was right at that moment. If it was not, the first
        sync of the same power-on told by how much.
        """
        if was_known:
            return stamp
        if self.known and boot == self._retained.boot:
            return stamp + self._retained.shift_s
        return None

    def now_s(self):
        """Return the Unix time, or None while it is unknown."""
        return self._raw_s() if self.known else None

    def set_utc(self, epoch_s):
        """Set the clock to a time that is known to be true, and raise the floor to it."""
        retained = self._retained
        if not retained.time_known:
            retained.shift_s = epoch_s - self._raw_s()
            retained.time_known = True
        self._set_raw(epoch_s)
        retained.save()
        self._board.nvs.set_i32("time_floor", _to_i32(epoch_s))
        self.settled.set()

    async def follow(self):
        """Wait for ever on a machine that keeps its own time; settle once it looks true."""
        while not self.known:
            await asyncio.sleep_ms(_LOOK_MS)
            self._retained.time_known = self._raw_s() >= self._floor_s()
        self.settled.set()
        await asyncio.Event().wait()

    async def run(self, exchange, up, log, backoff):
        """Keep the clock right: await exchange() -> Unix seconds, whenever the link is up.

        The exchange raises OSError or ValueError; it has its own deadline.
        """
        while True:
            await up.wait()
            try:
                epoch_s = await exchange()
                ahead_s = epoch_s - self._floor_s()
                if not -_TOLERANCE_S <= ahead_s <= _HORIZON_S:
                    raise ValueError("%d s from the last good time" % ahead_s)
                log.info("sync_done", step_s=epoch_s - self._raw_s())
                self.set_utc(epoch_s)
                backoff.reset()
                self.doubted.clear()
                await self._until_doubted(_RESYNC_MS)
            except (OSError, ValueError) as exc:
                log.warn("sync_failed", why=exc)
                # A network that blocks time servers is no reason not to try the broker.
                self.settled.set()
                await asyncio.sleep_ms(backoff.next_ms())

    async def _until_doubted(self, most_ms):
        try:
            await asyncio.wait_for_ms(self.doubted.wait(), most_ms)
        except asyncio.TimeoutError:
            pass

    def _floor_s(self):
        kept = self._board.nvs.get_i32("time_floor")
        return max(BUILT_EPOCH_S, 0 if kept is None else kept & 0xFFFFFFFF)

    def _raw_s(self):
        return int(time.time()) + _PORT_EPOCH_S

    def _set_raw(self, epoch_s):
        year, month, day, hour, minute, second, weekday = time.gmtime(epoch_s - _PORT_EPOCH_S)[:7]
        self._board.set_rtc((year, month, day, weekday, hour, minute, second, 0))


def _to_i32(value):
    return value - (1 << 32) if value >> 31 else value
