"""Rohm BH1750FVI ambient light sensor, I2C.

Options: scl, sda; address (35, that is 0x23; or 92); key ("illuminance").
Source: Rohm BH1750FVI technical note, "Instruction Set Architecture" (one time H-resolution mode,
after which it sleeps), "Measurement Result" (1.2 counts a lux), "Electrical Characteristics"
(180 ms). The longest call blocks for 1 ms.
"""

import asyncio

from micropython import const

from firmware.reading import Datapoint

_ONCE = b"\x20"
_MEASURE_MS = const(180)


class Bh1750:
    def __init__(self, i2c, address, point):
        self.points = (point,)
        self._i2c = i2c
        self._address = address
        self._buf = bytearray(2)

    async def read_into(self, reading):
        buf = self._buf
        self._i2c.writeto(self._address, _ONCE)
        await asyncio.sleep_ms(_MEASURE_MS)
        self._i2c.readfrom_into(self._address, buf)
        reading.set(self.points[0].key, ((buf[0] << 8 | buf[1]) * 10 + 6) // 12)


def open(board, options):
    return Bh1750(
        board.i2c(options.pop("scl"), options.pop("sda")),
        int(options.pop("address", 0x23)),
        Datapoint(options.pop("key", "illuminance"), "lx"),
    )
