"""The temperature of the chip itself: it needs no wiring, and is far above the air's.

Options: key ("temperature").
"""

from firmware.reading import Datapoint


class InternalTemperature:
    def __init__(self, measure_c, point):
        self.points = (point,)
        self.measure_c = measure_c

    async def read_into(self, reading):
        reading.set(self.points[0].key, self.measure_c())


def open(board, options):
    point = Datapoint(options.pop("key", "temperature"), "°C", decimals=1)
    return InternalTemperature(board.chip_temperature_c, point)
