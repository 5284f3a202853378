"""A board whose drivers talk to scripted chips; the agent's own code runs as it is."""

import asyncio
import sys

from fakes.board import FakeBoard
from fakes.wires import Frozen, Machine, Pin, SoftI2C, Time
from firmware import i2c
from firmware.clock import Clock
from firmware.reading import Reading
from firmware.sensors import open_all


class Board(FakeBoard):
    pin = Pin

    def i2c(self, scl, sda):
        return i2c.shared(Machine, scl, sda)


def rig(*chips):
    """Return a board whose I2C bus has the chips [(address, chip)], and time that stands still."""
    SoftI2C.chips = dict(chips)
    sys.modules["onewire"] = sys.modules["ds18x20"] = Frozen
    asyncio.sleep_ms = Time.sleep_ms
    Clock.ticks_ms = staticmethod(Time.ticks_ms)
    return Board()


def opened(board, **entry):
    """Return (sensor, its Reading) as the agent makes them of an entry of config.json."""
    ((_, sensor),) = open_all([entry], board)
    return sensor, Reading(sensor.points)


async def told(sensor, reading):
    """Read a sensor once; return {key: the integer of 10**-decimals that a record holds}."""
    reading.clear()
    await sensor.read_into(reading)
    return dict(zip([point.key for point in sensor.points], reading.values))


async def failure(sensor, reading):
    """Return what the sensor's reading fails with; nothing may have been told then."""
    reading.clear()
    try:
        await sensor.read_into(reading)
    except Exception as exc:
        assert reading.is_empty()
        return exc
    raise AssertionError("it told %r" % reading.values)
