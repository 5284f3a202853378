"""The driver in README's guide, run as it stands there, from the folder for one's own."""

import os

from harness import scratch

from fakes.bus import failure, opened, rig, told
from fakes.wires import Registers, Time
from firmware.errors import SensorError

# TI SBOS397, 12-bit temperature data format: the register's upper twelve bits.
TABLE = (
    (0x7FF, 12794),  # 127.9375
    (0x640, 10000),
    (0x500, 8000),
    (0x4B0, 7500),
    (0x320, 5000),
    (0x190, 2500),
    (0x004, 25),
    (0x000, 0),
    (0xFFC, -25),
    (0xE70, -2500),
    (0xC90, -5500),
)


class Tmp102(Registers):
    """Converts for 35 ms when it is told to while it is shut down; until then it tells 0."""

    def __init__(self, steps):
        Registers.__init__(self)
        self.steps = steps
        self.configuration = 0x60A0
        self.since_ms = None

    def write(self, data):
        self.at = data[0]
        if len(data) == 3:
            was_down = self.configuration & 0x100
            self.configuration = data[1] << 8 | data[2]
            if was_down and data[1] & 0x80:
                self.since_ms = Time.now_ms
        return len(data)

    def read(self, size):
        is_over = self.since_ms is not None and Time.now_ms - self.since_ms >= 35
        values = ((self.steps << 4) if is_over else 0, self.configuration & 0x7FFF)
        value = values[self.at] | (0x8000 if self.at and is_over else 0)
        return value.to_bytes(2, "big")


def code_of(section):
    """Return the first Python block of a section of README. The whole is too much for the heap."""
    lines = []
    with open("README.md") as file:
        for line in file:
            if line == "### %s\n" % section:
                break
        for line in file:
            if line == "```python\n":
                break
        for line in file:
            if line == "```\n":
                return "".join(lines)
            lines.append(line)
    raise AssertionError("no code in %s" % section)


def guided(chip, **entry):
    text = code_of("Writing a sensor")
    board = rig((72, chip))
    board.root = scratch() + "/"
    os.mkdir(board.root + "sensors")
    with open(board.root + "sensors/tmp102.py", "w") as file:
        file.write(text)
    return opened(board, kind="tmp102", scl=22, sda=21, **entry)


async def test_the_guides_driver_by_the_data_sheets_table():
    chip = Tmp102(0)
    sensor, reading = guided(chip, key="cellar")
    for chip.steps, centi_c in TABLE:
        assert await told(sensor, reading) == {"cellar": centi_c}, hex(chip.steps)
    assert sensor.points[0].unit == "°C"


async def test_the_guides_driver_refuses_what_is_not_measured():
    chip = Tmp102(0x190)
    sensor, reading = guided(chip)
    chip.write = lambda data: Registers.write(chip, data)
    assert isinstance(await failure(sensor, reading), SensorError)


async def test_the_guides_driver_without_its_chip():
    sensor, reading = guided(Tmp102(0), address=73)
    exc = await failure(sensor, reading)
    assert isinstance(exc, OSError) and exc.errno == 19
