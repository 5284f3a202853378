"""DS18B20 thermometers on the 1-Wire bus."""

_CELSIUS = 19.25
_SCRATCHPAD = b"\x34\x01\x4b\x46\x7f\xff\x0c\x10\x1c"


class DS18X20:
    def __init__(self, onewire):
        self.ow = onewire

    def scan(self):
        return [rom for rom in self.ow.scan() if rom[0] in (0x10, 0x22, 0x28)]

    def convert_temp(self):
        self.ow.reset(True)

    def read_scratch(self, rom):
        if bytes(rom) not in self.ow.ROMS:
            raise Exception("CRC error")
        return bytearray(_SCRATCHPAD)

    def read_temp(self, rom):
        self.read_scratch(rom)
        return _CELSIUS
