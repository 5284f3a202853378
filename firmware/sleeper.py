"""An agent on a battery: it wakes, takes a sample, now and then delivers, and sleeps again.

Loaded only if the settings have connect_every. A wake is: sample; join, log in, deliver all that
waits and answer what was asked, if that is due; leave; sleep until the next sample is due, on a
grid of the chip's clock. What decides when is in rhythm.py, what lasts in keeping.py.
"""

import asyncio
import sys

from micropython import const

from firmware import rhythm, unload
from firmware.agent import Agent

# Of the time awake so much is kept for leaving: the broker, the tasks, the flash.
_LEAVE_MS = const(2_000)
_BYE_MS = const(1_000)
_TASKS_MS = const(300)
# After any start but a wake: long enough for a host to interrupt.
_STAY_MS = const(10_000)
_LOOK_MS = const(20)
# So often it looks whether what is on the way has arrived, if it was told to leave.
_ACK_LOOKS = const(25)
# What the ticks may show when a chip has just started; elsewhere they tell nothing of that.
_START_MS = const(30_000)

# The parts of a wake.
_BOOT = const(0)
_SAMPLE = const(1)
_LEAVE = const(5)
_PARTS = ("boot", "sample", "join", "login", "deliver", "leave")


class Sleeper(Agent):
    delivery = None
    is_done = False  # all that this wake was for is done
    downlink = None

    def __init__(self, config, *parts):
        """parts are what an Agent takes."""
        super().__init__(*parts)
        self.kept = kept = self.store.retained
        clock = self.clock
        self._began = clock.ticks_ms()
        self.parts = [0] * len(_PARTS)
        if kept.is_wake and self._began < _START_MS:
            self.parts[_BOOT] = self._began
        self.limit_ms = config.awake_limit_s * 1000 - _LEAVE_MS
        if not kept.is_wake:
            self.limit_ms = max(self.limit_ms, _STAY_MS + _BYE_MS)
        self.every = config.connect_every
        # In samples: for so long a reading may be in RTC memory alone.
        self.hold = max(self.every, -(-config.flush_after_s // config.interval_s))
        self.store.hold_s = self.hold * config.interval_s + config.awake_limit_s
        self.grid = rhythm.Grid(clock, kept)
        self.sampled = asyncio.Event()
        self.told = []  # what sensors told in this wake
        self.sampler.tell = lambda *event: self.told.append(event)
        self._tasks = []

    async def run(self):
        """Live through one wake; return for how long to sleep in ms, 0 = restart.

        It takes no longer than the settings allow, whatever hangs, unless it is the thread.
        Raises what a task failed with.
        """
        self._start("sleeper", self._live)
        self._start("sampler", self._sample)
        for job in self.jobs:
            if job[0] == "supervisor":
                self._start(*job)
        try:
            await _within(self._ended.wait(), self.limit_ms - self.awake_ms())
            if not self._ended.is_set():
                self.log.warn("awake_limit_reached", stage=self.session.stage)
        finally:
            left_ms = self.awake_ms()
            await self._leave()
        if self._reason:
            raise self._reason
        is_stopped = self._ended.is_set() and not self.is_done  # somebody called stop()
        self._settle(is_stopped)
        self.parts[_LEAVE] = self.awake_ms() - left_ms
        if is_stopped:
            if not self._sleep_ms:
                return 0
            self.grid.wait(self._sleep_ms)
        return self._to_sleep()

    def awake_ms(self):
        """Return for how long the chip has been awake, as far as that is known."""
        return self.clock.ticks_diff(self.clock.ticks_ms(), self._began) + self.parts[_BOOT]

    def _start(self, *job):
        self._tasks.append(asyncio.create_task(self._watch(*job)))

    # What a wake does.

    async def _live(self):
        """Sample, and deliver if that is due; return True when there is nothing else to do."""
        clock, kept = self.clock, self.kept
        clock.alive("sleeper", self.limit_ms + _LEAVE_MS)
        kept.since += 1
        if rhythm.is_due(kept, self.every):
            self._connect()
        await self.sampled.wait()
        has_news = rhythm.has_news(self)
        if not self.delivery and (has_news or rhythm.is_due(kept, self.every)):
            self._connect()
        if self.delivery:
            await self.delivery.run(self.parts)
        if not kept.is_wake:
            await self._stay()
        self.is_done = True
        self._ended.set()
        return True

    async def _stay(self):
        while self.awake_ms() < _STAY_MS:
            await self.clock.sleep_ms(_LOOK_MS)
        if self.delivery:  # what came and was taken meanwhile
            await self.delivery.run(self.parts)

    async def _sample(self):
        """Sample now, and as often as it falls due while awake."""
        clock, sampler = self.clock, self.sampler
        filters = _filters()
        if filters:
            filters.restore(sampler, self.kept)
        if self.kept.disabled:
            from firmware import failing

            failing.tell_disabled(sampler)
            unload("failing")
        while True:
            missed = self.grid.advance(sampler.interval_ms // 1000)
            if missed:
                self.log.warn("samples_missed", count=missed)
            began = clock.ticks_ms()
            if filters:
                filters.make_due(sampler, began)
            await sampler.take(began)
            if filters:
                filters.keep(sampler, self.kept)
            self.parts[_SAMPLE] += clock.ticks_diff(clock.ticks_ms(), began)
            self.sampled.set()
            await clock.sleep_ms(self.grid.left_ms())
            self.kept.since += 1

    def _connect(self):
        """Begin to join, to log in and to deliver."""
        from firmware.delivery import Delivery

        self.delivery = Delivery(self, _PARTS)
        for job in self.jobs:
            if job[0] == "clock":
                self._start("clock", rhythm.keep_time, self.clock, self.kept, *job[1:])
            elif job[0] not in ("sampler", "store", "supervisor"):
                self._start(*job)

    # How it ends.

    async def _leave(self):
        """End all tasks, and the link in good order if there is time."""
        wifi = self.wifi
        if self._reason is None and self.session.up.is_set():
            await _within(self._part(), _BYE_MS)
        self._cancel()
        await _within(asyncio.gather(*self._tasks, return_exceptions=True), _TASKS_MS)
        if self.delivery and wifi.networks:
            try:
                wifi.wlan.active(False)
            except (OSError, RuntimeError) as exc:
                self.log.warn("radio_stays_on", why=exc)

    async def _part(self):
        for _ in range(_ACK_LOOKS):
            if self.session.window.ids:
                await self.clock.sleep_ms(_LOOK_MS)
        await self.session.disconnect()
        self._cancel()  # before the session would take it for the loss of a link

    def _cancel(self):
        for task in self._tasks:
            task.cancel()

    def _settle(self, is_stopped):
        """See that what has to last does."""
        store = self.store
        if self.delivery:
            self.delivery.end(is_stopped)
        store.settle()
        if store.front.count >= self.hold or store.front.is_nearly_full():
            store.flush("held")

    def _to_sleep(self):
        """Return for how long to sleep, with all in RTC memory that the next wake wants."""
        kept = self.kept
        awake_ms = self.awake_ms()
        kept.wakes += 1
        kept.awake_ms = kept.awake_ms + awake_ms & 0xFFFFFFFF
        if self.delivery:
            kept.parts = tuple([min(part, 0xFFFF) for part in self.parts])
        sleep_ms = self.grid.rest(self.sampler.interval_ms // 1000)
        fields = {"awake_ms": awake_ms, "for_ms": sleep_ms, "waiting": self.store.front.count}
        if self.delivery:
            self.log.info("sleep_began", **fields)
        else:
            self.log.debug("sleep_began", **fields)
        kept.is_asleep = True
        kept.save()
        return sleep_ms


def _filters():
    """Return what keeps filters over the sleep, None where no sensor has any."""
    if "firmware.filters" not in sys.modules:
        return None
    from firmware import keptfilters

    return keptfilters


async def _within(awaitable, limit_ms):
    """Wait for something, but not longer, though it may not let itself be cancelled."""
    done = asyncio.Event()
    task = asyncio.create_task(_then(awaitable, done))
    try:
        await asyncio.wait_for_ms(done.wait(), max(limit_ms, 0))
    except asyncio.TimeoutError:
        pass
    finally:
        task.cancel()


async def _then(awaitable, done):
    try:
        await awaitable
    finally:
        done.set()
