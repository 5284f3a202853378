"""A day of the whole agent in a minute: what wire() builds, with a broker that comes and goes.

day.py FOLDER HOURS PLANT SEED: the time of all tasks moves only when none of them can go on.
PLANT is -, or the fault to be found: "leak" (a list that grows with each reading) or "loss" (one
message that the broker acknowledges and loses).
"""

import asyncio
import gc
import json
import os
import random
import sys
import time as real_time
from array import array
from asyncio import core

sys.path[:] = [".frozen", ".", "lib", "tests", "tests/proof/device"]

INTERVAL_S = 10
WINDOW = 16  # messages, the default of the setting
HOUR_S = 3600
WARM_HOURS = 3
START_S = 1830000000
PERIOD = 1 << 30
YEAR_S = 366 * 86400


class World:
    """The true time, the chip's clock, and `time` for the module that asks for it."""

    passed_ms = 0
    rtc_off_s = 0
    # The ticks that the agent compares go round after six hours.
    first_tick = PERIOD - 6 * HOUR_S * 1000

    def true_s(self):
        return START_S + self.passed_ms // 1000

    def time(self):
        return self.true_s() + self.rtc_off_s

    gmtime = staticmethod(real_time.gmtime)

    def ticks_ms(self):
        return (self.first_tick + self.passed_ms) % PERIOD

    def ticks_add(self, ticks, delta):
        return (ticks + delta) % PERIOD

    def ticks_diff(self, end, start):
        return (end - start + PERIOD // 2) % PERIOD - PERIOD // 2


world = World()
sys.modules["time"] = world
__import__("firmware.clock")  # it keeps the module of that name which it finds now
sys.modules["time"] = real_time

# The loop's own ticks run on from the real ones: its queue looks at those for what is due at once.
_first = real_time.ticks_ms()
core.ticks = lambda: real_time.ticks_add(_first, world.passed_ms)
_poll = core.IOQueue.wait_io_event


def wait_io_event(self, dt):
    """Let sockets say what they have; the time passes only if that is nothing."""
    _poll(self, 0 if dt >= 0 else 10)
    task = core._task_queue.peek()
    if task:
        world.passed_ms += max(0, core.ticks_diff(task.ph_key, core.ticks()))


core.IOQueue.wait_io_event = wait_io_event
tasks = []
_create_task = core.create_task


def create_task(coroutine):
    task = _create_task(coroutine)
    tasks.append(task)
    if len(tasks) > 200:
        tasks[:] = [task for task in tasks if not task.done()]
    return task


core.create_task = asyncio.create_task = create_task

import struct

from fakes.broker import Broker
from firmware import board_unix, config, dns, fitting, stock, wiring


async def ask(_server, _port, request, parse, _timeout_ms):
    """A time server that tells the truth."""
    reply = bytearray(48)
    reply[0], reply[1] = 0x24, 2
    reply[24:32] = request[40:48]
    struct.pack_into("!I", reply, 40, (world.true_s() + 2208988800) & 0xFFFFFFFF)
    await asyncio.sleep_ms(40)
    return parse(bytes(reply), request)


dns.ask = ask


class Board(board_unix.Board):
    has_own_time = False

    def set_rtc(self, when):
        year, month, day, weekday, hour, minute, second, _ = when
        set_s = int(real_time.mktime((year, month, day, hour, minute, second, weekday, 0, 0)))
        world.rtc_off_s = set_s - world.true_s()


class Identity:
    device_id = client_id = username = "d1"
    password = "secret"
    ca = b""
    wifi = ()


def array_word():
    return 4 if sys.maxsize < 1 << 32 else 8


class Ledger:
    """What reached the broker; it takes the place of its list of packets, and does not grow."""

    def __init__(self, loses=None):
        self.loses = loses
        self.upto = 0  # all readings below have come
        self.beyond = set()
        self.duplicates = self.untimed = 0
        self.wrong = []

    def append(self, packet):
        if packet[0] != "publish":
            return
        topic, text = packet[1]["topic"], packet[1]["message"]
        document = json.loads(text)
        if topic == b"devices/d1/events" and document["event_type"] == "readings_dropped":
            self.fail("dropped: %s" % text)
        if topic == b"devices/d1/telemetry" and document["seq"] != self.loses:
            self.take(document["seq"], document.get("timestamp"))

    def take(self, seq, epoch_s):
        if seq < self.upto or seq in self.beyond:
            self.duplicates += 1
            return
        self.beyond.add(seq)
        while self.upto in self.beyond:
            self.beyond.remove(self.upto)
            self.upto += 1
        if epoch_s is None:
            self.untimed += 1
        elif abs(epoch_s - START_S - seq * INTERVAL_S) > 3:
            off_s = epoch_s - START_S - seq * INTERVAL_S
            self.fail("reading %d has a time that is off by %d s" % (seq, off_s))

    def fail(self, text):
        if len(self.wrong) < 5:
            self.wrong.append(text)


made = {}


def remembering(name, kind):
    def make(*arguments, **options):
        made[name] = kind(*arguments, **options)
        return made[name]

    return make


class Leaky(fitting.Sampler):
    """Planted: something of every reading is kept."""

    kept = []

    async def take(self, due=None):
        await super().take(due)
        self.kept.append(None)


class Day:
    def __init__(self, folder, hours, plant):
        self.hours = hours
        self.ledger = Ledger(777 if plant == "loss" else None)
        self.broker = Broker()
        self.broker.packets = self.ledger
        self.folder = folder
        # One for each hour, of a size that does not change while it is measured.
        self.heaps = array("L", bytes(hours * array_word()))
        self.counts = array("L", bytes(hours * array_word()))
        wiring.Session = remembering("session", wiring.Session)
        wiring.Retained = remembering("retained", wiring.Retained)
        fitting.Sampler = Leaky if plant == "leak" else fitting.Sampler

    def build(self):
        settings = {
            "mqtt_host": "127.0.0.1",
            "mqtt_port": self.broker.port,
            "interval_s": INTERVAL_S,
            "sensors": [{"kind": "simulated"}],
            "telemetry_sequence": True,
            "retry_max_ms": 60_000,
            "log_level": "E",
            "ntp_hosts": ["192.0.2.1"],
        }
        board = Board(self.folder)
        with open(board.root + "config.json", "w") as file:
            json.dump(settings, file)
        world.rtc_off_s = 946684800 - START_S
        settings = config.usable(board.root, None)
        agent = wiring.wire(board, settings, Identity, self.ledger.fail)
        stock.open_store(agent)
        return agent

    async def run(self):
        await self.broker.start(21000 + random.randrange(2000))
        agent = asyncio.create_task(self.build().run())
        for hour in range(self.hours):
            await self.trouble(hour)
            await self.until_s(hour * HOUR_S + 58 * 60 + 5)
            self.look(hour)
        await self.until_s(self.hours * HOUR_S + 60)
        taken = made["retained"].next_seq
        if self.ledger.upto != taken:
            self.ledger.fail("%d taken, %d arrived, %d behind a gap" % (
                taken, self.ledger.upto, len(self.ledger.beyond)))  # fmt: skip
        if taken < (self.hours * HOUR_S) // INTERVAL_S:
            self.ledger.fail("only %d taken" % taken)
        agent.cancel()

    async def until_s(self, passed_s):
        await asyncio.sleep_ms(max(0, passed_s * 1000 - world.passed_ms))

    async def trouble(self, hour):
        """What happens in this hour: it is over in time for all to be well at its end."""
        start_s = hour * HOUR_S
        broker = self.broker
        await self.until_s(start_s + 5 * 60)
        broker.connack = [b"\x20\x02%c\x00" % (hour % 2)]
        if hour % 3 == 0:
            for _ in range(3):
                await broker.cut()
                await self.until_s(world.passed_ms // 1000 + 70)
        elif hour % 3 == 1:
            port = broker.port
            broker.stop()
            await broker.cut()
            await self.until_s(start_s + 20 * 60)
            await broker.start(port)
        else:
            broker.acks = False
            await self.until_s(start_s + 8 * 60)
            broker.acks = True
        if hour % 8 == 4:
            world.rtc_off_s -= 10 * YEAR_S

    def look(self, hour):
        session = made["session"]
        if not session.up.is_set() or session.window.ids:
            self.ledger.fail("hour %d: not at rest, %s" % (hour, session.window.ids))
        tasks[:] = [task for task in tasks if not task.done()]
        self.counts[hour] = 100 * len(tasks) + len(os.listdir("/proc/self/fd"))
        gc.collect()
        gc.collect()
        self.heaps[hour] = gc.mem_alloc()

    def judge(self):
        """Return what was wrong, and how far the heap has drifted in all hours but the first."""
        heaps, counts = list(self.heaps)[WARM_HOURS:], list(self.counts)[WARM_HOURS:]
        drift = max(heaps) - min(heaps)
        if drift > 128 * array_word():  # 256 bytes to either side, on a chip
            self.ledger.fail("heap drifts by %d bytes: %s" % (drift, heaps))
        if self.ledger.duplicates > WINDOW * self.broker.connections:
            self.ledger.fail("%d duplicates" % self.ledger.duplicates)
        if len(set(counts)) > 1:
            self.ledger.fail("100 * tasks + open files: %s" % counts)
        return self.ledger.wrong, drift


def main(folder, hours, plant, seed):
    random.seed(int(seed))
    day = Day(folder, int(hours), plant)
    asyncio.run(day.run())
    wrong, drift = day.judge()
    is_plant = plant != "-"
    print(json.dumps({
        "tried": 0 if is_plant else day.ledger.upto,
        "failed": 0 if is_plant else len(wrong),
        "failures": [] if is_plant else wrong,
        "caught": bool(wrong) if is_plant else True,
        "drift": drift,
        "heaps": list(day.heaps),
        "found": wrong,
        "duplicates": day.ledger.duplicates,
        "untimed": day.ledger.untimed,
        "tasks": day.counts[-1],
    }))  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
