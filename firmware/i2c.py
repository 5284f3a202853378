"""I2C by software: one bus for each pair of pins, any pins, with the calls of machine.I2C.

The chip's own I2C is not used: depending on MicroPython's version a dead line stalls the chip for
100 ms a byte or for good. Here a call blocks for some 0.1 ms a byte, and a line that somebody
holds down ends it within 10 ms. On such a bus every address seems to answer, with zeros: that is
why the data line is looked at before each call.
Source: NXP UM10204, 3.1.16 (bus clear: nine clock pulses at most).
"""

import errno

from micropython import const

from firmware.errors import SensorError

_HZ = const(100_000)
_STRETCH_US = const(10_000)
_PULSES = const(9)

_buses = {}


def shared(machine, scl, sda):
    """Return the bus at these pins, the same one to all who ask."""
    if (scl, sda) not in _buses:
        _buses[(scl, sda)] = Bus(machine, scl, sda)
    return _buses[(scl, sda)]


class Bus:
    """Each call raises OSError if the chip does not answer, SensorError if the bus is stuck."""

    def __init__(self, machine, scl, sda):
        pin = machine.Pin
        self._scl = pin(scl, pin.OPEN_DRAIN, pin.PULL_UP, value=1)
        self._sda = pin(sda, pin.OPEN_DRAIN, pin.PULL_UP, value=1)
        self._wires = machine.SoftI2C(scl=self._scl, sda=self._sda, freq=_HZ, timeout=_STRETCH_US)

    def scan(self):
        """Return the addresses that answer."""
        return self._free().scan()

    def writeto(self, address, data, stop=True):
        if self._free().writeto(address, data, stop) < len(data):
            raise OSError(errno.EIO)

    def readfrom(self, address, size):
        return self._free().readfrom(address, size)

    def readfrom_into(self, address, buf):
        self._free().readfrom_into(address, buf)

    def writeto_mem(self, address, register, data):
        self._free().writeto_mem(address, register, data)

    def readfrom_mem(self, address, register, size):
        return self._free().readfrom_mem(address, register, size)

    def readfrom_mem_into(self, address, register, buf):
        self._free().readfrom_mem_into(address, register, buf)

    def _free(self):
        """Return the wires. A chip that was cut off amidst a byte is clocked until it lets go."""
        pulses = 0
        while not self._sda.value():
            if pulses == _PULSES:
                raise SensorError("I2C: the data line is held down")
            self._scl.value(0)
            self._scl.value(1)
            pulses += 1
        return self._wires
