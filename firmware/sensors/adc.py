"""A voltage at an ADC pin, as it is or behind a divider.

Options: pin; key ("voltage"), divider_milli (1000: no divider), offset_mv (0, added to what the
pin has), samples (16, of which the mean counts: the chip's converter is a noisy one).
The chip's own factory calibration is applied, for pins up to 3.1 V. A sample blocks for 0.1 ms.
"""

from firmware.reading import Datapoint


class Adc:
    def __init__(self, adc_mv, pin, divider_milli, offset_mv, samples, point):
        self.points = (point,)
        self.adc_mv = adc_mv
        self.pin = pin
        self.divider_milli = divider_milli
        self.offset_mv = offset_mv
        self.samples = samples

    async def read_into(self, reading):
        total_mv = 0
        for _ in range(self.samples):
            total_mv += self.adc_mv(self.pin)
        pin_mv = total_mv // self.samples + self.offset_mv
        # Volts with three decimals are the millivolts themselves, but set() takes volts.
        reading.set(self.points[0].key, pin_mv * self.divider_milli // 1000 / 1000)


def open(board, options):
    point = Datapoint(options.pop("key", "voltage"), "V", decimals=3)
    samples = options.pop("samples", 16)
    if not 1 <= samples <= 256:
        raise ValueError("samples: 1 to 256 are expected")
    return Adc(
        board.adc_mv,
        options.pop("pin"),
        options.pop("divider_milli", 1000),
        options.pop("offset_mv", 0),
        samples,
        point,
    )
