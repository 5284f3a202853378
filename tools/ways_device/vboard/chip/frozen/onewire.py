"""The 1-Wire bus with one thermometer on it."""


class OneWireError(Exception):
    pass


class OneWire:
    ROMS = (b"\x28\xaa\x10\x20\x30\x40\x50\x9d",)

    def __init__(self, pin):
        self.pin = pin

    def reset(self, required=False):
        return True

    def scan(self):
        return [bytearray(rom) for rom in self.ROMS]
