"""A battery behind a divider at an ADC pin: its charge, its voltage, or both.

Options: pin; key ("battery_level"), of the charge in percent; voltage (""), key of the voltage;
a key "" = not told; divider_milli (2000), offset_mv (0); chemistry ("li-ion", lipo, lifepo4,
2xaa, 3xaa).
"""

import asyncio

from firmware import power
from firmware.errors import SensorError
from firmware.reading import Datapoint

# Longer than a transmission takes: one of them spoils a sample or two of the nine.
_APART_MS = 5


class Battery:
    def __init__(self, adc_mv, pin, divider_milli, offset_mv, chemistry, level, voltage):
        """level and voltage are the Datapoints to tell, or None."""
        self.points = [point for point in (level, voltage) if point]
        self.level = level
        self.voltage = voltage
        self.adc_mv = adc_mv
        self.pin = pin
        self.divider_milli = divider_milli
        self.offset_mv = offset_mv
        self.chemistry = chemistry

    async def read_into(self, reading):
        samples_mv = []
        for _ in range(power.SAMPLES):
            samples_mv.append(self.adc_mv(self.pin))
            await asyncio.sleep_ms(_APART_MS)
        found_mv = power.battery_mv(samples_mv, self.divider_milli, self.offset_mv, self.chemistry)
        if found_mv is None:
            raise SensorError("no %s battery has what pin %d tells" % (self.chemistry, self.pin))
        if self.level:
            reading.set(self.level.key, power.percent(found_mv, self.chemistry))
        if self.voltage:
            reading.set(self.voltage.key, found_mv / 1000)


def open(board, options):
    pin = options.pop("pin")
    key = options.pop("key", "battery_level")
    voltage = options.pop("voltage", "")
    divider_milli = options.pop("divider_milli", 2000)
    offset_mv = options.pop("offset_mv", 0)
    chemistry = options.pop("chemistry", "li-ion")
    if not 0 <= pin <= 64:
        raise ValueError("pin %d is not in 0..64" % pin)
    if not 1000 <= divider_milli <= 20000:
        raise ValueError("divider_milli %d is not in 1000..20000" % divider_milli)
    if not -500 <= offset_mv <= 500:
        raise ValueError("offset_mv %d is not in -500..500" % offset_mv)
    if chemistry not in power.CURVES:
        raise ValueError("chemistry %r is unknown" % chemistry)
    if not key and not voltage:
        raise ValueError("neither key nor voltage: nothing to tell")
    return Battery(
        board.adc_mv,
        pin,
        divider_milli,
        offset_mv,
        chemistry,
        key and Datapoint(key, "%"),
        voltage and Datapoint(voltage, "V", decimals=3),
    )
