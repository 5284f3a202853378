"""The BME280 driver by Bosch's own numbers.

The worked example for temperature and pressure is that of BST-BMP280-DS001, 3.12: the BME280 has
the same formulas. Bosch publishes none for humidity; that is compared with the formula for
floating point (BST-BME280-DS002, 8.1), which shares nothing with the one for integers.
"""

import struct

from fakes.bus import failure, opened, rig, told
from fakes.wires import Registers, Time
from firmware.errors import SensorError
from firmware.sensors.bme280 import fine_of, humidity_of, pressure_of

T = (27504, 26435, -1000)
P = (36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000)
# Of the size that chips have, then with all that may be below zero, and a large H3.
H = ((75, 355, 0, 340, 0, 30), (75, 370, 0, 301, 50, 30), (75, 150, 253, -32, -50, -30))
WIRES = {"scl": 22, "sda": 21}


class Bme280(Registers):
    """In forced mode it measures for 9.3 ms, and sleeps again then."""

    def __init__(self, humidity=H[0], chip=0x60):
        h1, h2, h3, h4, h5, h6 = humidity
        nibbles = bytes((h4 >> 4 & 0xFF, h4 & 15 | (h5 & 15) << 4, h5 >> 4 & 0xFF))
        Registers.__init__(
            self,
            {
                0x88: struct.pack("<HhhHhhhhhhhhBB", *(T + P + (0, h1))),
                0xD0: bytes((chip,)),
                0xE1: struct.pack("<hB", h2, h3) + nibbles + struct.pack("<b", h6),
                0xF2: b"\0",
                0xF4: b"\0",
                0xF7: b"\x80\0\0\x80\0\0\x80\0",
            },
        )
        self.since_ms = None
        self.measures = True

    def write(self, data):
        count = Registers.write(self, data)
        if data[0] == 0xF4 and len(data) > 1 and data[1] & 3 == 1:
            self.since_ms = Time.now_ms
        return count

    def read(self, size):
        is_over = self.since_ms is not None and Time.now_ms - self.since_ms >= 9.3
        self.put(0xF3, b"\0" if is_over else b"\x08")
        if is_over and self.measures:
            has_humidity = self.memory[0xF2] & 7 and self.memory[0xF4] & 0xFC
            raw = 415148 << 4, 519888 << 4
            values = b"".join(value.to_bytes(3, "big") for value in raw)
            self.put(0xF7, values + (b"\x68\x00" if has_humidity else b"\x80\0"))
        return Registers.read(self, size)


def test_worked_example_of_bosch():
    fine = fine_of(T, 519888)
    assert fine == 128422
    assert fine * 5 + 128 >> 8 == 2508
    # 100653.27 Pa, with a temperature that is not rounded to an integer first.
    assert abs(pressure_of(T + P, fine, 415148) / 256 - 100653.27) < 0.02


def humidity_by_floats(trim, fine, raw):
    h1, h2, h3, h4, h5, h6 = trim
    value = fine - 76800.0
    value = (raw - (h4 * 64.0 + h5 / 16384.0 * value)) * (
        h2 / 65536.0 * (1.0 + h6 / 67108864.0 * value * (1.0 + h3 / 67108864.0 * value))
    )
    return min(max(value * (1.0 - h1 * value / 524288.0), 0.0), 100.0)


def test_humidity_in_integers_is_that_in_floats():
    seen = set()
    for trim in H:
        for raw in range(0, 65536, 1021):
            for fine in (-204800, 0, 128422, 435200):  # -40, 0, 25.08 and 85 degC
                expected = humidity_by_floats(trim, fine, raw)
                found = humidity_of(T + P + trim, fine, raw) / 1024
                assert abs(found - expected) < 0.02, (trim, raw, fine, found, expected)
                seen.add(int(expected) // 20)
    assert seen == {0, 1, 2, 3, 4, 5}


def test_temperatures_below_zero():
    # By the formula for floats of the same data sheet.
    for raw in range(100_000, 800_000, 9973):
        rough = (raw / 16384.0 - T[0] / 1024.0) * T[1]
        offset = raw / 131072.0 - T[0] / 8192.0
        expected = rough + offset * offset * T[2]
        assert abs(fine_of(T, raw) - expected) < 60  # 1/5120 degC


async def test_a_reading_of_all_three():
    for trim in H:
        chip = Bme280(trim)
        sensor, reading = opened(rig((0x76, chip)), kind="bme280", **WIRES)
        values = await told(sensor, reading)
        assert values["temperature"] == 2508 and values["pressure"] == 100653
        assert abs(values["humidity"] - 100 * humidity_by_floats(trim, 128422, 0x6800)) <= 2
        assert [point.unit for point in sensor.points] == ["°C", "%", "hPa"]
        # All once, and humidity before the register that takes it over: DS002, 5.4.3.
        assert chip.written == [(0xF2, b"\x01"), (0xF4, b"\x25")]
        assert await told(sensor, reading) == values


async def test_another_chip_is_named():
    sensor, reading = opened(rig((0x77, Bme280(chip=0x58))), kind="bme280", address=0x77, **WIRES)
    exc = await failure(sensor, reading)
    assert isinstance(exc, SensorError) and str(exc) == "chip id 0x58 is no BME280"


async def test_what_was_not_measured_is_no_value():
    chip = Bme280()
    chip.measures = False
    sensor, reading = opened(rig((0x76, chip)), kind="bme280", **WIRES)
    assert str(await failure(sensor, reading)) == "it has not measured"
    chip.measures = True
    assert (await told(sensor, reading))["temperature"] == 2508


async def test_a_chip_that_is_not_ready_is_no_value():
    chip = Bme280()
    sensor, reading = opened(rig((0x76, chip)), kind="bme280", **WIRES)
    chip.write = lambda data: Registers.write(chip, data)
    assert str(await failure(sensor, reading)) == "it is not ready in time"
