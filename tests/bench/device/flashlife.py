"""Plays months of a device whose link is down every other half day; tells what flash went through.

The real store and log with the default settings, on a real littlefs over memory that counts
erases. Time is played: the store's own task is woken at those seconds in which something can
fall due, and finds the groups of readings as they form.

Prints {"days", "erases" (all), "worst" (of one block), "backlog" (records that were in the log),
"healthy" (writes while the link was up and the log empty),
"bytes_per_record" (of blocks held by a long backlog)}.
"""

import json
import os
import sys

from fakes.clock import FakeClock
from fakes.flash import Flash
from fakes.store import BACKLOG, LIVE, StoreRig
from firmware.config import TABLE

BLOCKS = 512  # 2 MB
CODE_BYTES = 100 * 1024  # the firmware in the same file system, which never moves
HALF_DAY_MIN = 720
HEALTHY_FROM_MIN = 60  # by then the backlog is gone
LONG_MIN = 10_000
WINDOW = 16
# Seconds of a minute in which the store looks at a reading that may be due; it was taken at 0.
LOOKS = (1, 2, 30, 55, 56, 57, 58, 59, 60)
FOLDER = "/flash/data"

DEFAULTS = {key: default for key, _, _, _, default in TABLE}


class PlayedClock(FakeClock):
    def sleep_ms(self, ms):
        yield


class Device:
    def __init__(self):
        self.flash = Flash(BLOCKS).format()
        self.flash.mount()
        os.mkdir("/flash/lib")
        with open("/flash/lib/code", "wb") as file:
            for _ in range(CODE_BYTES // 1024):
                file.write(bytes(1024))
        self.rig = StoreRig(
            FOLDER,
            front_bytes=DEFAULTS["front_bytes"],
            segments=DEFAULTS["log_kb"] // 4,
            flush_after_s=DEFAULTS["flush_after_s"],
        )
        self.store = self.rig.store
        self.clock = self.store.clock = PlayedClock()
        self.task = self.store.run()
        self.task.send(None)
        self.backlog = 0

    def minute(self, is_up):
        """Take one reading, and let a minute pass."""
        start_ms = self.clock.now
        self.rig.take(1)
        if is_up:
            self.send(DEFAULTS["budget_per_min"])
        for second in LOOKS:
            self.clock.now = start_ms + 1000 * second
            self.task.send(None)

    def send(self, budget):
        """Have the broker acknowledge what waits, as far as the budget allows."""
        for lane in (LIVE, BACKLOG):
            while budget > 0:
                count = 0
                while count < min(WINDOW, budget) and self.rig.peek(lane, count):
                    count += 1
                if not count:
                    break
                self.store.ack(lane, count)
                budget -= count
                self.backlog += count if lane == BACKLOG else 0

    def blocks_free(self):
        return os.statvfs("/flash")[3]


def years(days):
    device = Device()
    before = list(device.flash.erases)
    healthy = programs = 0
    for half in range(2 * days):
        is_up = half % 2 == 1
        if not is_up:
            device.store.rewind(LIVE)
            device.store.rewind(BACKLOG)
        for minute in range(HALF_DAY_MIN):
            if is_up and minute == HEALTHY_FROM_MIN:
                programs = device.flash.programs
            device.minute(is_up)
        if is_up:
            healthy += device.flash.programs - programs
    erases = [now - then for now, then in zip(device.flash.erases, before)]
    return {
        "days": days,
        "erases": sum(erases),
        "worst": max(erases),
        "backlog": device.backlog,
        "healthy": healthy,
    }


def held():
    device = Device()
    free = device.blocks_free()
    for _ in range(LONG_MIN):
        device.minute(False)
    return (free - device.blocks_free()) * 4096 / LONG_MIN


answer = years(int(sys.argv[1]))
answer["bytes_per_record"] = held()
print(json.dumps(answer))
