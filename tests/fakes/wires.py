"""Wires with chips on them, as scripts: pins, I2C, 1-Wire, and the time that passes meanwhile."""


class Time:
    """The time that drivers await and look at, in ms."""

    now_ms = 0

    @classmethod
    async def sleep_ms(cls, wait_ms):
        cls.now_ms += wait_ms

    @classmethod
    def ticks_ms(cls):
        return cls.now_ms


class Line:
    """A wire that a chip may hold down, for so many pulses of the other wire, or for good."""

    def __init__(self):
        self.level = 1
        self.held_for = 0


class Pin:
    IN, OUT, OPEN_DRAIN = 1, 3, 7
    PULL_UP, PULL_DOWN = 2, 1
    IRQ_RISING, IRQ_FALLING = 1, 2
    made = {}

    def __init__(self, number, mode=-1, pull=-1, value=None):
        if not isinstance(number, int) or number > 48:
            raise ValueError("invalid pin")
        self.number = number
        self.mode, self.pull = mode, pull
        self.line = Pin.made.setdefault(number, Line())
        self.other = None
        self.handler = self.trigger = None
        Pin.made[number, "pin"] = self

    def value(self, level=None):
        line = self.line
        if level is None:
            return 0 if line.held_for else line.level
        if level and not line.level and self.other and self.other.held_for > 0:
            self.other.held_for -= 1
        line.level = level
        return None

    def irq(self, handler, trigger):
        self.handler, self.trigger = handler, trigger

    def pulse(self):
        """Let the contact close and open once, between two lines of the agent."""
        self.handler(self)


class SoftI2C:
    """Chips by address. What nobody acknowledges is OSError 19, as on the chip."""

    chips = {}

    def __init__(self, scl, sda, freq, timeout):
        assert freq == 100_000 and timeout <= 10_000
        assert scl.pull == sda.pull == Pin.PULL_UP and scl.mode == sda.mode == Pin.OPEN_DRAIN
        scl.other = sda.line

    def _chip(self, address):
        chip = self.chips.get(address)
        if chip is None:
            raise OSError(19)
        return chip

    def scan(self):
        return sorted(self.chips)

    def writeto(self, address, data, stop=True):
        return self._chip(address).write(bytes(data))

    def readfrom(self, address, size):
        return self._chip(address).read(size)

    def readfrom_into(self, address, buf):
        buf[:] = self._chip(address).read(len(buf))

    def writeto_mem(self, address, register, data):
        self._chip(address).write(bytes((register,)) + bytes(data))

    def readfrom_mem(self, address, register, size):
        self._chip(address).write(bytes((register,)))
        return self._chip(address).read(size)

    def readfrom_mem_into(self, address, register, buf):
        buf[:] = self.readfrom_mem(address, register, len(buf))


class Registers:
    """A chip of registers: {number: bytes}. Reading one goes on with those behind it."""

    def __init__(self, registers=None):
        self.at = 0
        self.memory = {}
        self.written = []
        for number, data in (registers or {}).items():
            self.put(number, data)

    def put(self, number, data):
        for offset, byte in enumerate(data):
            self.memory[number + offset] = byte

    def write(self, data):
        self.at = data[0]
        if len(data) > 1:
            self.written.append((data[0], data[1:]))
            self.put(data[0], data[1:])
        return len(data)

    def read(self, size):
        return bytes(self.memory[self.at + offset] for offset in range(size))


class Thermometer:
    """A DS18B20: what it measures is in its scratchpad 750 ms after it was told to."""

    POWER_ON = b"\x50\x05\x4b\x46\x7f\xff\x0c\x10"  # Maxim 19-7487, figure 9

    def __init__(self, rom, raw=0):
        self.rom = rom
        self.scratchpad = self.POWER_ON
        self.measure(raw)

    def measure(self, raw):
        self.raw = raw
        self.since_ms = None

    def read(self):
        if self.since_ms is not None and Time.now_ms - self.since_ms >= 750:
            self.scratchpad = bytes((self.raw & 0xFF, self.raw >> 8)) + self.POWER_ON[2:]
        return self.scratchpad + bytes((crc8(self.scratchpad),))


def crc8(data):
    """Return the checksum of Maxim's application note 27."""
    crc = 0
    for byte in data:
        for bit in range(8):
            crc = crc >> 1 ^ (0x8C if (crc ^ byte >> bit) & 1 else 0)
    return crc


class OneWire:
    """Stands for the module that stock images freeze, with thermometers on the wire."""

    chips = ()
    is_held = False
    spoils = None

    def __init__(self, pin):
        self.pin = pin

    def reset(self, required=False):
        if required and not (self.chips or self.is_held):
            raise OneWireError
        return bool(self.chips)

    def scan(self):
        return [bytearray(chip.rom) for chip in self.chips]


class OneWireError(Exception):
    pass


class DS18X20:
    """Stands for the module that stock images freeze: its calls and its bare errors."""

    def __init__(self, wire):
        self.ow = wire
        self.buf = bytearray(9)

    def scan(self):
        return [rom for rom in self.ow.scan() if rom[0] in (0x10, 0x22, 0x28)]

    def convert_temp(self):
        self.ow.reset(True)
        for chip in OneWire.chips:
            chip.since_ms = Time.now_ms

    def read_scratch(self, rom):
        self.ow.reset(True)
        answers = [chip.read() for chip in OneWire.chips if chip.rom == bytes(rom)]
        self.buf[:] = bytes(9) if OneWire.is_held else answers[0] if answers else b"\xff" * 9
        if OneWire.spoils is not None:
            self.buf[OneWire.spoils] ^= 1
        if crc8(self.buf):
            raise Exception("CRC error")
        return self.buf

    def read_temp(self, rom):
        self.read_scratch(rom)
        raw = self.buf[1] << 8 | self.buf[0]
        return (raw - ((raw & 0x8000) << 1)) / 16


class Frozen:
    """Both, as modules."""

    OneWire = OneWire
    DS18X20 = DS18X20


class Machine:
    Pin = Pin
    SoftI2C = SoftI2C
