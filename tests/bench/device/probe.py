"""A sensor that tells the state of the heap: of use to the bench alone.

live    bytes that are taken after a collection, while the agent has nothing on the way
idle    bytes a second that were taken since the reading before, this reading's own included
"""

import gc
import time

from firmware.reading import Datapoint


class Probe:
    points = (Datapoint("live"), Datapoint("idle"))

    def __init__(self):
        self._before = None

    async def read_into(self, reading):
        taken, now = gc.mem_alloc(), time.ticks_ms()
        if self._before is not None:
            bytes_before, ms_before = self._before
            idle_ms = time.ticks_diff(now, ms_before)
            reading.set("idle", (taken - bytes_before) * 1000 // idle_ms)
        gc.enable()
        gc.collect()
        reading.set("live", gc.mem_alloc())
        gc.disable()
        self._before = (gc.mem_alloc(), time.ticks_ms())


def open(_board, _options):
    return Probe()
