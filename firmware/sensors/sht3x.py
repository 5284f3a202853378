"""Sensirion SHT30, SHT31 or SHT35 temperature and humidity sensor, I2C.

Options: scl, sda; address (68, that is 0x44; or 69); temperature ("temperature") and humidity
("humidity"), the datapoints' keys.
Source: Sensirion SHT3x-DIS datasheet, 4.3 (single shot), 4.12 (checksum), 4.13 (conversion),
table 4 (15.5 ms at high repeatability). The longest call blocks for 1 ms.
"""

import asyncio

from micropython import const

from firmware.errors import SensorError
from firmware.reading import Datapoint

_SINGLE_SHOT = b"\x24\x00"  # high repeatability, no clock stretching
_MEASURE_MS = const(16)


class Sht3x:
    def __init__(self, i2c, address, temperature, humidity):
        self.points = (temperature, humidity)
        self._i2c = i2c
        self._address = address
        self._buf = bytearray(6)

    async def read_into(self, reading):
        buf = self._buf
        self._i2c.writeto(self._address, _SINGLE_SHOT)
        await asyncio.sleep_ms(_MEASURE_MS)
        self._i2c.readfrom_into(self._address, buf)
        if crc8(buf, 0) != buf[2] or crc8(buf, 3) != buf[5]:
            raise SensorError("checksum is wrong")
        temperature, humidity = self.points
        reading.set(temperature.key, 175 * (buf[0] << 8 | buf[1]) / 65535 - 45)
        reading.set(humidity.key, 100 * (buf[3] << 8 | buf[4]) / 65535)


def crc8(buf, start):
    """Return the checksum of the two bytes from start on."""
    crc = 0xFF
    for at in (start, start + 1):
        crc ^= buf[at]
        for _ in range(8):
            crc = crc << 1 ^ (0x131 if crc & 0x80 else 0)
    return crc


def open(board, options):
    return Sht3x(
        board.i2c(options.pop("scl"), options.pop("sda")),
        int(options.pop("address", 0x44)),
        Datapoint(options.pop("temperature", "temperature"), "°C", decimals=2),
        Datapoint(options.pop("humidity", "humidity"), "%", decimals=2),
    )
