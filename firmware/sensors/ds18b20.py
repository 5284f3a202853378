"""Maxim DS18B20 thermometer on a 1-Wire bus, by the drivers that stock images freeze.

Options: pin; rom (its id in hex, as on the bus: 28...), or index (0) in the order the bus is
searched; key ("temperature"). One entry for each of several on a bus, powered by three wires.
Source: Maxim 19-7487 (DS18B20), table 1 (data, and 85 degC before the first conversion), table 2
(750 ms), figure 9 (scratchpad). A search blocks for some 14 ms a thermometer, a reading for 11 ms.
"""

import asyncio
import binascii

from micropython import const

from firmware.errors import SensorError
from firmware.reading import Datapoint

_CONVERSION_MS = const(750)


class Ds18b20:
    def __init__(self, driver, rom, index, point):
        self.points = (point,)
        self.driver = driver
        self.rom = rom
        self.index = index

    async def read_into(self, reading):
        driver = self.driver
        try:
            rom = self.rom or self._found()
            driver.convert_temp()
            await asyncio.sleep_ms(_CONVERSION_MS)
            celsius = driver.read_temp(rom)
            # All zeros have a good checksum. A thermometer's own are never all zeros.
            is_held = not celsius and not any(driver.read_scratch(rom))
        except (OSError, SensorError):
            raise
        except Exception as exc:
            # The driver tells a bad checksum, and that nobody answers, by a bare Exception.
            raise SensorError(str(exc) or "nothing answers on the 1-Wire bus")
        if is_held:
            raise SensorError("the 1-Wire bus is held down")
        if celsius == 85:
            raise SensorError("85 degC: it has lost its power")
        reading.set(self.points[0].key, celsius)

    def _found(self):
        roms = self.driver.scan()
        if self.index >= len(roms):
            raise SensorError("%d thermometers on the bus" % len(roms))
        # Once it is known it is asked by its name: others may come and go.
        self.rom = bytes(roms[self.index])
        return self.rom


def open(board, options):
    import ds18x20
    import onewire

    rom = options.pop("rom", None)
    if rom is not None:
        rom = binascii.unhexlify(str(rom))  # which may look like a number
        if len(rom) != 8:
            raise ValueError("rom: 16 hex digits are expected")
    return Ds18b20(
        ds18x20.DS18X20(onewire.OneWire(board.pin(options.pop("pin")))),
        rom,
        options.pop("index", 0),
        Datapoint(options.pop("key", "temperature"), "°C", decimals=2),
    )
