"""A room that does not exist: a slow wave around a middle value, for trying things out.

Options: key ("temperature"), unit ("degC"), middle (21), swing (3), decimals (2), period (60,
in readings).
"""

import math

from firmware.reading import Datapoint


class Simulated:
    def __init__(self, point, middle, swing, period):
        self.points = (point,)
        self.middle = middle
        self.swing = swing
        self.period = period
        self._count = 0

    async def read_into(self, reading):
        angle = 2 * math.pi * self._count / self.period
        self._count += 1
        reading.set(self.points[0].key, self.middle + self.swing * math.sin(angle))


def open(_board, options):
    point = Datapoint(
        options.pop("key", "temperature"),
        options.pop("unit", "°C"),
        decimals=options.pop("decimals", 2),
    )
    return Simulated(
        point, options.pop("middle", 21), options.pop("swing", 3), options.pop("period", 60)
    )
