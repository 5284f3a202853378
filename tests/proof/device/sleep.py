"""A sleeper through cycles with random cuts: each reading is delivered, or lost as it may be.

sleep.py SEED CYCLES PLANT: in every other cycle or so something happens: power cut or reset at a
random flash operation (torn or whole), at a random moment, or between wakes; a bit of RTC memory
turned; a broker, a network or a time server that is away; a link cut after any byte. PLANT is -,
or the fault to be found: "loss" (a reading less in RTC memory) or "again" (a delivery leaves no
trace there).
"""

import gc
import json
import random
import sys

sys.path[:] = [".frozen", ".", "lib", "tests", "tests/proof/device"]

from fakes.flaky_socket import DOWN, RESET, SILENCE, UP, Cut
from fakes.sleepworld import World, time
from firmware import keeping

EVERY = 4
WINDOW = 16
CURSOR_STEP = 64
LIMIT_S = 20


class Forgetful(keeping.Shelf):
    """Planted: the newest reading of those that a wake finds is lost now and then."""

    def restore(self, data, count):
        super().restore(data, count)
        if count == 3:
            self.remove(2, 1)


class Story:
    def __init__(self, rng, plant):
        self.rng = rng
        self.plant = plant
        if plant == "loss":
            keeping.Shelf = Forgetful
        self.world = World(connect_every=EVERY, awake_limit_s=LIMIT_S, log_level="E", log_kb=64)
        self.world.killed = self.note_cut
        self.is_broker_down = False
        self.may_repeat = 0
        self.cuts = {}  # boot that a power cut or lost RTC memory ended: readings it took
        self.wrong = []
        self.damaged = []  # readings that were in RTC memory when it was
        self.untold = []
        self.waiting = 0  # readings that are there now
        self.down = 0  # cycles for which something is away
        self.armed = None  # when to stop the chip in the next wake that lasts so long, and how

    def cycle(self):
        """Live through one wake, to which something may happen."""
        if self.down:
            self.down -= 1
            if not self.down:
                self.world.ap.state, self.world.has_time_server = "up", True
            elif self.is_broker_down:
                self.world.broker_down()
        # Most that is away comes back before the next trouble.
        number = self.rng.randrange(40 if self.down else 20)
        if number < 13:
            self.stop(number) if number < 6 else self.trouble(number)
        self.live()

    def stop(self, number):
        """Have the chip stopped, by a cut of its power or a reset, now or in a wake to come."""
        world, rng = self.world, self.rng
        if number < 2:
            flash = world.flash
            flash.left, flash.tear = rng.randrange(50), rng.choice((0, 2, 4))
            flash.loses_power = number == 0
        elif number < 4:
            # Most of a wake is joining; the others hit the few moments of a delivery.
            self.armed = rng.choice((rng.randrange(2000), rng.randrange(690, 850))), number == 2
        elif number == 4:
            self.note_cut(True)
            world.power_on()
        else:
            world.cause = rng.choice(("watchdog", "hard"))

    def trouble(self, number):
        world, rng = self.world, self.rng
        if number == 6:
            self.damage()
        elif number < 9:
            self.is_broker_down, self.down = False, rng.randrange(1, 12)
            if number == 7:
                world.ap.state = "down"
            else:
                world.has_time_server = False
        elif number < 12:
            way = rng.choice((RESET, SILENCE))
            world.net.cuts = [Cut(rng.choice((UP, DOWN)), rng.randrange(1, 1500), way)]
            self.may_repeat += WINDOW
        else:
            self.is_broker_down, self.down = True, rng.randrange(1, 20)
            world.broker_down()

    def note_cut(self, loses_power):
        """Note what RTC memory may have had that is lost now."""
        taken = self.world.taken
        if taken and loses_power:
            boot = taken[-1][0]
            self.cuts[boot] = 1 + max([seq for own, seq in taken if own == boot])

    def damage(self):
        world = self.world
        data = bytearray(world.memory)
        if len(data) < 80:
            return
        at = self.rng.randrange(len(data))
        data[at] ^= 1 << self.rng.randrange(8)
        world.memory = bytes(data)
        # That they are lost is told with the next session, unless a power cut takes the word too,
        # or more damage does.
        self.untold += self.damaged
        self.damaged += world.taken[-self.waiting :] if self.waiting else []
        if at < 36:
            self.note_cut(True)
            world.cause = "watchdog"

    def live(self):
        world = self.world
        kills, before = world.kills, world.memory
        if self.armed:
            at_ms, loses_power = self.armed
            world.change = lambda agent: time.at(at_ms, lambda: world.kill(loses_power))
        is_whole = world.wake()
        self.waiting = world.agent.store.front.count
        world.change = None
        world.net.cuts = []
        if self.plant == "again" and before and not world.agent.kept.front.count:
            world.memory = before
        if not is_whole:
            self.armed = None
            # Sent and not acknowledged; in the log: delivered, and the cursor not yet written.
            self.may_repeat += (WINDOW + CURSOR_STEP) * (world.kills - kills)
        limit_ms = LIMIT_S * 1000
        if world.awake_ms[-1] > limit_ms:
            self.wrong.append("awake for %d ms" % world.awake_ms[-1])
        del world.awake_ms[:]

    def judge(self):
        world = self.world
        world.ap.state, world.has_time_server, world.flash.left = "up", True, None
        world.drain()
        came, told = set(world.telemetry()), self.told()
        for one in world.taken:
            if one not in came and not self.may_miss(one, told):
                self.wrong.append("missing: %d, %d" % one)
        if len(set(world.taken)) != len(world.taken):
            self.wrong.append("a number was given twice")
        self.wrong += ["nobody took %d, %d" % one for one in came if one not in world.taken]
        if world.repeats() > self.may_repeat:
            self.wrong.append("%d came twice, not %d" % (world.repeats(), self.may_repeat))
        self.wrong += world.broker.complaints[:3] + world.net.misuse[:3]

    def told(self):
        """Return (boot, first, last) of what was said to be lost."""
        told = []
        for one in self.world.events("store_opened") + self.world.events("readings_dropped"):
            first, last = one.get("from", one.get("lost_from")), one.get("to", one.get("lost_to"))
            if first is not None:
                told.append((one["boot"], first, last))
        return told

    def may_miss(self, one, told):
        """Tell whether a reading that did not come is one that may be lost, or is said to be."""
        boot, seq = one
        is_told = any(own == boot and first <= seq <= last for own, first, last in told)
        if is_told or one in self.untold:
            return True
        # EVERY in RTC memory, and what the wake itself took.
        return boot in self.cuts and (one in self.damaged or seq >= self.cuts[boot] - EVERY - 2)


def play(seed, cycles, plant="-"):
    """Return (wakes tried, what was wrong, what happened)."""
    random.seed(seed)
    story = Story(random, plant)
    for _ in range(cycles):
        story.cycle()
        gc.collect()
    story.judge()
    world = story.world
    told = {
        "kills": world.kills,
        "taken": len(world.taken),
        "repeats": world.repeats(),
        "logins": world.broker.logins,
    }
    return cycles, story.wrong, told


def main(seed, cycles, plant):
    tried, wrong, told = play(int(seed), int(cycles), plant)
    is_plant = plant != "-"
    wrong = ["seed %s: %s" % (seed, one) for one in wrong]
    print(json.dumps({
        "tried": 0 if is_plant else tried,
        "failed": 0 if is_plant else len(wrong),
        "failures": [] if is_plant else wrong[:5],
        "caught": bool(wrong) if is_plant else True,
        "told": told,
        "found": wrong[:5],
    }))  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
