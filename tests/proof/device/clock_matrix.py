"""Every clock a board may start with, against every answer a time server may give.

clock_matrix.py SHARE SHARES SEED: plays each SHARES-th of all cases. The world has a true time,
which moves only when a task of the clock sleeps; the chip's clock is some way off it.
"""

import asyncio
import json
import random
import struct
import sys
import time as real_time

sys.path[:] = [".frozen", ".", "lib", "tests", "tests/proof/device"]

TRUE_S = 1830000000  # some time in 2027
YEAR_S = 366 * 86400
ERA_S = 2208988800
PERIOD = 1 << 30


class World:
    """The true time, the chip's clock and its ticks: `time` for the module under test."""

    def __init__(self):
        self.epoch_is_2000 = False
        self.begin(TRUE_S, 0)

    def begin(self, rtc_s, ticks):
        self.passed_ms = 0
        self.rtc_off_s = rtc_s - TRUE_S
        self.first_tick = ticks

    def true_s(self):
        return TRUE_S + self.passed_ms // 1000

    def rtc_s(self):
        return self.true_s() + self.rtc_off_s

    # What the module calls.

    def time(self):
        if self.epoch_is_2000:
            return self.rtc_s() - 946684800
        return self.rtc_s() + self.passed_ms % 1000 / 1000

    def gmtime(self, seconds):
        return real_time.gmtime(seconds + 946684800 if self.epoch_is_2000 else seconds)

    def ticks_ms(self):
        return (self.first_tick + self.passed_ms) % PERIOD

    def ticks_add(self, ticks, delta):
        return (ticks + delta) % PERIOD

    def ticks_diff(self, end, start):
        return (end - start + PERIOD // 2) % PERIOD - PERIOD // 2


world = World()


class Slept:
    """asyncio for the modules under test: sleeping is what makes the time pass."""

    Event = asyncio.Event
    TimeoutError = asyncio.TimeoutError

    @staticmethod
    def sleep_ms(ms):
        world.passed_ms += ms
        return asyncio.sleep_ms(0)

    @staticmethod
    async def wait_for_ms(_awaitable, ms):
        world.passed_ms += ms
        await asyncio.sleep_ms(0)
        raise asyncio.TimeoutError


def modules(epoch_is_2000):
    """Return the clock's module as a port with this epoch has it."""
    world.epoch_is_2000 = epoch_is_2000
    sys.modules["time"] = world
    sys.modules.pop("firmware.clock", None)
    __import__("firmware.clock")
    sys.modules["time"] = real_time
    clock = sys.modules["firmware.clock"]
    clock.asyncio = Slept
    return clock


from fakes.board import FakeBoard
from fakes.log import Lines
from firmware import dns, sntp
from firmware.backoff import Backoff
from firmware.retained import Retained

BUILT_S = modules(False).BUILT_EPOCH_S
MODULES = {epoch: modules(epoch) for epoch in (False, True)}


class Board(FakeBoard):
    def set_rtc(self, when):
        year, month, day, weekday, hour, minute, second, _ = when
        set_s = int(real_time.mktime((year, month, day, hour, minute, second, weekday, 0, 0)))
        world.rtc_off_s = set_s - world.true_s()


# What a server answers: name -> reply(request), and whether it tells the truth.


def packet(request, epoch_s, first=0x24, stratum=2, origin=None):
    reply = bytearray(48)
    reply[0], reply[1] = first, stratum
    reply[24:32] = origin or request[40:48]
    struct.pack_into("!I", reply, 40, (epoch_s + ERA_S) & 0xFFFFFFFF)
    return bytes(reply)


REPLAYED = packet(bytes(48), TRUE_S - 3600, origin=b"01234567")


def at(off_s):
    return lambda request: packet(request, world.true_s() + off_s)


def wrong(**how):
    return lambda request: packet(request, world.true_s(), **how)


ANSWERS = {
    "good": at(0),
    "mute": lambda request: None,
    "zero": lambda request: packet(request, -ERA_S),
    "kiss of death": lambda request: packet(request, -ERA_S, stratum=0),
    "stratum 0": wrong(stratum=0),
    "stratum 16": wrong(stratum=16),
    "not in step": wrong(first=0xE4),
    "a client": wrong(first=0x23),
    "short": lambda request: packet(request, world.true_s())[:20],
    "empty": lambda request: b"",
    "replay": lambda request: REPLAYED,
    "origin": lambda request: packet(request, world.true_s(), origin=b"87654321"),
    "1990": lambda request: packet(request, 631152000),
    "2036": lambda request: packet(request, 2085978496),
    "-10 years": at(-10 * YEAR_S),
    "-2 years": at(-2 * YEAR_S),
    "+11 years": at(11 * YEAR_S),
    "+100 years": at(100 * YEAR_S),
    "noise": lambda request: bytes(random.getrandbits(8) for _ in range(48)),
}
# Nobody can tell these from the truth before there was a good answer: they are in the window.
ONLY_AFTER_GOOD = ("-2 years",)


async def ask(server, _port, request, parse, timeout_ms):
    """dns.ask() without a network; the name of the server is what it answers."""
    reply = ANSWERS[server](request)
    said = None if reply is None else parse(reply, request)
    if said is None:
        await Slept.sleep_ms(timeout_ms)
        raise OSError("no answer from " + server)
    await Slept.sleep_ms(40)
    return said


async def resolve(name):
    return name


dns.ask = ask

STARTS = {"2000": 946684800, "1970": 0, "build": BUILT_S, "2036": 2085978500, "2100": 4102444800}
BOOTS = ("power on", "power on with a floor", "reset while known", "reset while unknown")
SEQUENCES = ("{0}", "{0} {0} good", "good {0} good", "good fall {0} good", "good reset {0} good")


class Case:
    """One board: it starts, takes readings, asks for the time, and what it says is compared."""

    def __init__(self, port, start, boot, answers, ticks, clock_class=None):
        self.module = MODULES[port]
        self.clock_class = clock_class or self.module.Clock
        self.wrong = []
        self.readings = []
        self.boot = boot
        self.answers = answers
        self.board = Board()
        world.begin(STARTS[start], ticks)
        if boot == "power on with a floor":
            self.board.nvs.set_i32("time_floor", TRUE_S - 30 * 86400)
        elif boot != "power on":
            self.earlier(start)

    def earlier(self, start):
        """A run of the same power-on before: it has learned the time, or it has not."""
        world.epoch_is_2000 = self.module is MODULES[True]
        clock = self.begin()
        if self.boot == "reset while known":
            clock.set_utc(world.true_s())
        world.passed_ms += 60_000

    def begin(self):
        clock = self.clock_class(self.board, Retained(self.board))
        clock.assess()
        return clock

    def play(self):
        world.epoch_is_2000 = self.module is MODULES[True]
        self.clock = self.begin()
        self.expect(self.clock.stamp() >= BUILT_S, "clock below the build after start")
        self.expect(
            self.clock.known == (self.boot == "reset while known"), "known: %s" % self.clock.known
        )
        try:
            asyncio.run(self.follow())
        except Exception as exc:
            self.wrong.append(repr(exc))
        return self.wrong

    async def follow(self):
        is_fallen = False
        for answer in self.answers:
            self.take()
            if answer == "fall":
                world.rtc_off_s -= 10 * YEAR_S
                is_fallen = True
                self.expect(not self.clock.known, "a clock that fell is believed")
            elif answer == "reset":
                world.passed_ms += 5000
                self.clock = self.begin()
            else:
                before = world.rtc_off_s
                await self.sync(answer)
                if answer == "good":
                    self.expect(abs(world.rtc_off_s) <= 1, "good answer, off by %d s"
                                % world.rtc_off_s)  # fmt: skip
                    self.expect(self.clock.known, "good answer, time unknown")
                    is_fallen = False
                else:
                    self.expect(world.rtc_off_s == before, answer + " was believed")
            self.take()
            world.passed_ms += random.randrange(3600_000)
            self.take()
            self.check()
        if is_fallen:
            self.expect(self.clock.now_s() is None, "fallen, and believed")

    async def sync(self, answer):
        """Run the clock's own task for one answer."""
        up, lines = asyncio.Event(), Lines()
        up.set()
        clock = self.clock
        done = []

        async def exchange():
            if done:
                await asyncio.Event().wait()
            done.append(1)
            return await sntp.exchange(["mute", answer] if answer == "good" else [answer], resolve)

        log = lines.log("clock")
        backoff = Backoff(10, 10, lambda limit: 5)
        task = asyncio.create_task(clock.run(exchange, up, log, backoff))
        # The time that its long wait takes is for the readings to take.
        for _ in range(20):
            await asyncio.sleep_ms(0)
        task.cancel()
        self.expect(clock.settled.is_set(), "not settled")
        self.expect(len(lines) == 1, "lines: %s" % lines)

    def take(self):
        clock = self.clock
        self.readings.append((clock.stamp(), clock.known, clock.retained.boot, world.true_s()))

    def check(self):
        """No reading has a wrong time, whatever the clock knows by now."""
        told = 0
        for stamp, was_known, boot, true_s in self.readings:
            epoch_s = self.clock.epoch_s(stamp, was_known, boot)
            if epoch_s is not None:
                told += 1
                self.expect(abs(epoch_s - true_s) <= 2, "reading off by %d s" % (epoch_s - true_s))
        now_s = self.clock.now_s()
        if now_s is not None:
            self.expect(abs(now_s - world.true_s()) <= 2, "now off")
            self.expect(told > 0, "no reading has a time")
        uptime_ms = self.clock.uptime_ms()
        self.expect(0 <= uptime_ms <= world.passed_ms, "uptime %d" % uptime_ms)

    def expect(self, truth, text):
        if not truth:
            self.wrong.append(text)


def cases():
    for port in (False, True):
        for start in sorted(STARTS):
            for boot in BOOTS:
                for name in sorted(ANSWERS):
                    for sequence in SEQUENCES:
                        words = [name if word == "{0}" else word for word in sequence.split()]
                        lies_first = name in ONLY_AFTER_GOOD and words[0] != "good"
                        # With no floor, or one that is years old, two years back is possible.
                        if name in ONLY_AFTER_GOOD and (lies_first or "reset" in words):
                            continue
                        for ticks in (0, PERIOD - 60_000, PERIOD // 2 - 60_000):
                            yield port, start, boot, words, ticks


class Tally:
    def __init__(self):
        self.tried = self.failed = 0
        self.failures = []

    def add(self, what, wrong):
        self.tried += 1
        if wrong:
            self.failed += 1
            if len(self.failures) < 5:
                self.failures.append("%s: %s" % (what, "; ".join(wrong[:3])))


def sweep(share, shares, tally, plant=None):
    for number, (port, start, boot, words, ticks) in enumerate(cases()):
        if number % shares == share:
            kind = plant and plant(MODULES[port].Clock)
            tally.add(
                (port, start, boot, words, ticks),
                Case(port, start, boot, words, ticks, kind).play(),
            )


def naive(reply, _request):
    """What ntptime does: whatever comes is the time."""
    seconds = struct.unpack("!I", reply[40:44])[0] if len(reply) >= 44 else 0
    return seconds - ERA_S if seconds >> 31 else seconds - ERA_S + (1 << 32)


def forgetful(clock_class):
    """Return a clock that takes every stamp for a time."""

    class Planted(clock_class):
        def epoch_s(self, stamp, was_known, boot):
            return stamp

    return Planted


def planted(seed):
    """Return whether each of three faults is found."""
    found = []
    shares = 97
    honest = sntp.parse
    sntp.parse = naive
    tally = Tally()
    sweep(seed % shares, shares, tally)
    found.append(tally.failed > 0)
    sntp.parse = honest
    tally = Tally()
    sweep(seed % shares, shares, tally, forgetful)
    found.append(tally.failed > 0)
    horizons = [module.Clock._floor_s for module in MODULES.values()]
    for module in MODULES.values():
        module.Clock._floor_s = lambda self: 0
    tally = Tally()
    sweep(seed % shares, shares, tally)
    found.append(tally.failed > 0)
    for module, horizon in zip(MODULES.values(), horizons):
        module.Clock._floor_s = horizon
    return all(found)


def main(share, shares, seed):
    random.seed(seed)
    tally = Tally()
    sweep(share, shares, tally)
    print(json.dumps({
        "tried": tally.tried, "failed": tally.failed, "failures": tally.failures,
        "caught": planted(seed),
    }))  # fmt: skip


if __name__ == "__main__":
    main(*[int(argument) for argument in sys.argv[1:]])
