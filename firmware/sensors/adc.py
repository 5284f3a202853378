"""A voltage at an ADC pin, as it is or behind a divider.

Options: pin; key ("voltage"), divider_milli (1000: no divider).
"""

from firmware.reading import Datapoint


class Adc:
    def __init__(self, adc_mv, pin, divider_milli, point):
        self.points = (point,)
        self.adc_mv = adc_mv
        self.pin = pin
        self.divider_milli = divider_milli

    async def read_into(self, reading):
        # Volts with three decimals are the millivolts themselves, but set() takes volts.
        voltage_mv = self.adc_mv(self.pin) * self.divider_milli // 1000
        reading.set(self.points[0].key, voltage_mv / 1000)


def open(board, options):
    point = Datapoint(options.pop("key", "voltage"), "V", decimals=3)
    return Adc(board.adc_mv, options.pop("pin"), options.pop("divider_milli", 1000), point)
