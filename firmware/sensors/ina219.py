"""Texas Instruments INA219 voltage, current and power monitor, I2C.

Options: scl, sda; address (64, that is 0x40; to 79); shunt_milliohm (100), max_ma (3200: what the
current register has to hold; the shunt may drop 320 mV); voltage ("voltage"), current ("current")
and power ("power"), the datapoints' keys.
Source: TI SBOS448G, 8.5.1 (calibration register), 8.6.2.1 (configuration), 8.6.3 (data), tables 5
(16 samples, 8.51 ms, 10 % more at most). The longest call blocks for 1 ms.
"""

import asyncio

from micropython import const

from firmware.errors import SensorError
from firmware.reading import Datapoint

# 32 V, shunt to 320 mV, 16 samples each, both once.
_CONFIGURATION = b"\x3e\x63"
_MEASURE_MS = const(20)
_READY = const(2)
_OVERFLOW = const(1)


class Ina219:
    def __init__(self, i2c, address, shunt_milliohm, max_ma, points):
        self.points = points
        self._i2c = i2c
        self._address = address
        # The current's least step, 1/2**15 of the largest, rounded up.
        self._step_ua = (max_ma * 1000 + 0x7FFF) >> 15
        calibration = 40_960_000 // (self._step_ua * shunt_milliohm)
        if not 1 < calibration <= 0xFFFE:
            raise ValueError("max_ma and shunt_milliohm do not go together")
        self._calibration = bytes((calibration >> 8, calibration & 0xFE))

    async def read_into(self, reading):
        i2c, address, step_ua = self._i2c, self._address, self._step_ua
        # Each time: a chip that lost its power meanwhile would tell a current of 0.
        i2c.writeto_mem(address, 5, self._calibration)
        i2c.writeto_mem(address, 0, _CONFIGURATION)
        await asyncio.sleep_ms(_MEASURE_MS)
        bus = self._register(2)
        if not bus & _READY:
            raise SensorError("it is not ready in time")
        if bus & _OVERFLOW:
            raise SensorError("the current is over max_ma")
        current = self._register(4)
        current -= (current & 0x8000) << 1
        power = self._register(3)
        values = ((bus >> 3) * 4 / 1000, current * step_ua / 1e6, power * step_ua * 20 / 1e6)
        for point, value in zip(self.points, values):
            reading.set(point.key, value)

    def _register(self, number):
        high, low = self._i2c.readfrom_mem(self._address, number, 2)
        return high << 8 | low


def open(board, options):
    return Ina219(
        board.i2c(options.pop("scl"), options.pop("sda")),
        int(options.pop("address", 0x40)),
        options.pop("shunt_milliohm", 100),
        options.pop("max_ma", 3200),
        (
            Datapoint(options.pop("voltage", "voltage"), "V", decimals=3),
            Datapoint(options.pop("current", "current"), "A", decimals=4),
            Datapoint(options.pop("power", "power"), "W", decimals=3),
        ),
    )
