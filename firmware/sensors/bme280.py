"""Bosch BME280 temperature, humidity and air pressure sensor, I2C.

Options: scl, sda; address (118, that is 0x76; or 119); temperature ("temperature"), humidity
("humidity") and pressure ("pressure"), the datapoints' keys.
Source: Bosch BST-BME280-DS002, 3.5.1 (forced mode, all once, for weather), 4.2.2 (trimming
values), 4.2.3 (compensation in integers), 9.1 (9.3 ms). Its integers leave the range of small
ones: some objects on the heap for each reading. The longest call blocks for 3 ms.
"""

import asyncio
import struct

from micropython import const

from firmware.errors import SensorError
from firmware.reading import Datapoint

_ID = const(0x60)
_MEASURE_MS = const(10)
_MEASURING = const(0x09)  # status: measuring, or copying its trimming values
_SKIPPED = const(0x80000)


class Bme280:
    def __init__(self, i2c, address, points):
        self.points = points
        self._i2c = i2c
        self._address = address
        self._trim = None
        self._buf = bytearray(8)

    async def read_into(self, reading):
        i2c, address, buf = self._i2c, self._address, self._buf
        trim = self._trim = self._trim or self._trimming()
        i2c.writeto_mem(address, 0xF2, b"\x01")
        i2c.writeto_mem(address, 0xF4, b"\x25")  # which takes over 0xF2 as well, and starts
        await asyncio.sleep_ms(_MEASURE_MS)
        if i2c.readfrom_mem(address, 0xF3, 1)[0] & _MEASURING:
            raise SensorError("it is not ready in time")
        i2c.readfrom_mem_into(address, 0xF7, buf)
        pressure = buf[0] << 12 | buf[1] << 4 | buf[2] >> 4
        temperature = buf[3] << 12 | buf[4] << 4 | buf[5] >> 4
        if _SKIPPED in (pressure, temperature):
            raise SensorError("it has not measured")
        fine = fine_of(trim, temperature)
        values = (
            (fine * 5 + 128 >> 8) / 100,
            humidity_of(trim, fine, buf[6] << 8 | buf[7]) / 1024,
            pressure_of(trim, fine, pressure) / 25600,
        )
        for point, value in zip(self.points, values):
            reading.set(point.key, value)

    def _trimming(self):
        """Return T1..T3, P1..P9, H1..H6 as a tuple. Raises SensorError if it is another chip."""
        i2c, address = self._i2c, self._address
        chip = i2c.readfrom_mem(address, 0xD0, 1)[0]
        if chip != _ID:
            raise SensorError("chip id 0x%02x is no BME280" % chip)
        low = i2c.readfrom_mem(address, 0x88, 26)
        h2, h3, e4, e5, e6, h6 = struct.unpack("<hBbBbb", i2c.readfrom_mem(address, 0xE1, 7))
        humidity = (low[25], h2, h3, e4 * 16 | e5 & 15, e6 * 16 | e5 >> 4, h6)
        return struct.unpack("<HhhHhhhhhhhh", low[:24]) + humidity


def fine_of(trim, raw):
    """Return the temperature in 1/5120 degC, which the other two need."""
    t1, t2, t3 = trim[:3]
    rough = ((raw >> 3) - (t1 << 1)) * t2 >> 11
    offset = (raw >> 4) - t1
    return rough + ((offset * offset >> 12) * t3 >> 14)


def pressure_of(trim, fine, raw):
    """Return the pressure in 1/256 Pa."""
    p1, p2, p3, p4, p5, p6, p7, p8, p9 = trim[3:12]
    fine -= 128000
    offset = fine * fine * p6 + (fine * p5 << 17) + (p4 << 35)
    scale = (1 << 47) + (fine * fine * p3 >> 8) + (fine * p2 << 12)
    scale = scale * p1 >> 33
    if not scale:
        raise SensorError("its trimming values are none")
    pressure = ((1048576 - raw << 31) - offset) * 3125 // scale
    square = p9 * (pressure >> 13) * (pressure >> 13) >> 25
    return (pressure + square + (p8 * pressure >> 19) >> 8) + (p7 << 4)


def humidity_of(trim, fine, raw):
    """Return the relative humidity in 1/1024 %."""
    h1, h2, h3, h4, h5, h6 = trim[12:]
    fine -= 76800
    slope = ((fine * h6 >> 10) * ((fine * h3 >> 11) + 32768) >> 10) + 2097152
    value = ((raw << 14) - (h4 << 20) - h5 * fine + 16384 >> 15) * (slope * h2 + 8192 >> 14)
    value -= ((value >> 15) * (value >> 15) >> 7) * h1 >> 4
    return min(max(value, 0), 419430400) >> 12


def open(board, options):
    return Bme280(
        board.i2c(options.pop("scl"), options.pop("sda")),
        int(options.pop("address", 0x76)),
        (
            Datapoint(options.pop("temperature", "temperature"), "°C", decimals=2),
            Datapoint(options.pop("humidity", "humidity"), "%", decimals=2),
            Datapoint(options.pop("pressure", "pressure"), "hPa", decimals=2),
        ),
    )
