"""The I2C drivers, by the example numbers of the chips' own data sheets."""

from fakes.bus import failure, opened, rig, told
from fakes.wires import Pin, Registers, Time
from firmware.errors import SensorError

WIRES = {"scl": 22, "sda": 21}


class Sht3x:
    """Measures for 15.5 ms after 0x2400, and answers no address meanwhile."""

    def __init__(self, answer):
        self.answer = answer
        self.since_ms = None

    def write(self, data):
        assert data == b"\x24\x00"
        self.since_ms = Time.now_ms
        return 2

    def read(self, size):
        if self.since_ms is None or Time.now_ms - self.since_ms < 15.5:
            raise OSError(19)
        return self.answer[:size]


class Bh1750:
    """Keeps the last value until 180 ms after 0x20 have passed; 0 before the first."""

    def __init__(self, answer):
        self.answer = answer
        self.since_ms = None

    def write(self, data):
        assert data == b"\x20"
        self.since_ms = Time.now_ms
        return 1

    def read(self, size):
        assert size == 2
        return self.answer if Time.now_ms - self.since_ms >= 180 else b"\0\0"


class Ina219(Registers):
    """Multiplies as SBOS448G, 8.5.1 and 8.6.3 say, from the voltages at its pins."""

    def __init__(self, shunt_uv, bus_mv):
        Registers.__init__(self)
        self.shunt_uv, self.bus_mv = shunt_uv, bus_mv
        self.registers = {0: 0x399F, 1: 0, 2: 0, 3: 0, 4: 0, 5: 0}
        self.since_ms = None

    def write(self, data):
        self.at = data[0]
        if len(data) == 3:
            self.registers[self.at] = data[1] << 8 | data[2]
            if self.at == 0:
                assert data[2] & 7 == 3  # shunt and bus, once
                self.since_ms = Time.now_ms
        return len(data)

    def read(self, size):
        # 16 samples of each: 2 * 8.51 ms, 10 % more at most.
        if self.since_ms is not None and Time.now_ms - self.since_ms >= 18.8:
            shunt = self.shunt_uv // 10
            current = shunt * self.registers[5] // 4096
            over = not -0x8000 <= current <= 0x7FFF
            bus = self.bus_mv // 4
            self.registers[1] = shunt & 0xFFFF
            self.registers[2] = bus << 3 | 2 | (1 if over else 0)
            self.registers[3] = abs(current) * bus // 5000 & 0xFFFF
            self.registers[4] = current & 0xFFFF
        return self.registers[self.at].to_bytes(2, "big")


# Sensirion SHT3x-DIS datasheet.


async def test_sht3x_checksum_and_conversion():
    # 4.12: CRC(0xBEEF) = 0x92. 4.13: T = -45 + 175 * 48879 / 65535 = 85.523 degC.
    board = rig((0x44, Sht3x(b"\xbe\xef\x92\xbe\xef\x92")))
    sensor, reading = opened(board, kind="sht3x", **WIRES)
    assert await told(sensor, reading) == {"temperature": 8552, "humidity": 7458}
    assert [(point.unit, point.decimals) for point in sensor.points] == [("°C", 2), ("%", 2)]


async def test_sht3x_ends_of_its_scale():
    for answer, ends in (
        (b"\0\0\x81\xff\xff\xac", {"t": -4500, "h": 10000}),
        (b"\xff\xff\xac\0\0\x81", {"t": 13000, "h": 0}),
    ):
        board = rig((0x45, Sht3x(answer)))
        sensor, reading = opened(
            board, kind="sht3x", address=0x45, temperature="t", humidity="h", **WIRES
        )
        assert await told(sensor, reading) == ends


async def test_sht3x_refuses_a_wrong_checksum_of_either_value():
    for answer in (b"\xbe\xef\x93\xbe\xef\x92", b"\xbe\xef\x92\xbe\xee\x92", bytes(6)):
        sensor, reading = opened(rig((0x44, Sht3x(answer))), kind="sht3x", **WIRES)
        exc = await failure(sensor, reading)
        assert isinstance(exc, SensorError) and str(exc) == "checksum is wrong"


# Rohm BH1750FVI technical note.


async def test_bh1750_example_of_the_technical_note():
    # "Measurement Result": 1000 0011 1001 0000 -> 33680 / 1.2 = 28067 lx.
    board = rig((0x23, Bh1750(b"\x83\x90")))
    sensor, reading = opened(board, kind="bh1750", **WIRES)
    assert await told(sensor, reading) == {"illuminance": 28067}
    assert sensor.points[0].unit == "lx"


async def test_bh1750_ends_of_its_scale():
    for answer, lux in ((b"\0\0", 0), (b"\xff\xff", 54613), (b"\0\x01", 1)):
        board = rig((0x5C, Bh1750(answer)))
        sensor, reading = opened(board, kind="bh1750", address=0x5C, key="light", **WIRES)
        assert await told(sensor, reading) == {"light": lux}


# TI SBOS448G, 9.2.2.1, table 8: 2 mOhm, 1 mA a step.


async def test_ina219_example_circuit():
    chip = Ina219(20_000, 11_980)
    sensor, reading = opened(
        rig((0x40, chip)), kind="ina219", shunt_milliohm=2, max_ma=32768, **WIRES
    )
    values = await told(sensor, reading)
    assert chip.registers[5] == 0x5000 and chip.registers[1] == 0x07D0
    assert chip.registers[2] | 2 == 0x5D98 | 2 and chip.registers[4] == 0x2710
    assert chip.registers[3] == 0x1766
    assert values == {"voltage": 11_980, "current": 100_000, "power": 119_800}


async def test_ina219_tells_a_current_that_flows_back():
    board = rig((0x41, Ina219(-20_000, 11_980)))
    sensor, reading = opened(
        board, kind="ina219", address=0x41, shunt_milliohm=2, max_ma=32768, current="i", **WIRES
    )
    assert await told(sensor, reading) == {"voltage": 11_980, "i": -100_000, "power": 119_800}


async def test_ina219_that_lost_its_power_between_two_readings_is_set_up_again():
    chip = Ina219(20_000, 11_980)
    sensor, reading = opened(
        rig((0x40, chip)), kind="ina219", shunt_milliohm=2, max_ma=32768, **WIRES
    )
    before = await told(sensor, reading)
    chip.registers[5] = 0
    assert await told(sensor, reading) == before


async def test_ina219_refuses_what_is_over_its_scale_or_not_ready():
    board = rig((0x40, Ina219(320_000, 12_000)))
    sensor, reading = opened(board, kind="ina219", shunt_milliohm=100, max_ma=1600, **WIRES)
    assert str(await failure(sensor, reading)) == "the current is over max_ma"
    chip = Ina219(20_000, 11_980)
    sensor, reading = opened(rig((0x40, chip)), kind="ina219", **WIRES)
    chip.read = lambda size: b"\x5d\x98"
    assert str(await failure(sensor, reading)) == "it is not ready in time"


# All of them.

KINDS = (("bme280", 0x76), ("sht3x", 0x44), ("bh1750", 0x23), ("ina219", 0x40))


async def test_a_chip_that_is_not_there_costs_its_reading_only():
    for kind, address in KINDS:
        board = rig((address + 1, Registers()))
        sensor, reading = opened(board, kind=kind, **WIRES)
        exc = await failure(sensor, reading)
        assert isinstance(exc, OSError) and exc.errno == 19


async def test_a_chip_that_holds_the_data_line_down_is_no_value():
    for kind, address in KINDS:
        board = rig((address, Registers()))
        sensor, reading = opened(board, kind=kind, **WIRES)
        Pin.made[21].held_for = -1
        exc = await failure(sensor, reading)
        assert isinstance(exc, SensorError) and "data line" in str(exc)


async def test_a_chip_cut_off_amidst_a_byte_is_clocked_until_it_lets_go():
    board = rig((0x23, Bh1750(b"\x83\x90")))
    sensor, reading = opened(board, kind="bh1750", **WIRES)
    Pin.made[21].held_for = 9
    assert await told(sensor, reading) == {"illuminance": 28067}
    Pin.made[21].held_for = 10
    assert "data line" in str(await failure(sensor, reading))


async def test_a_command_that_is_cut_short_is_an_error():
    chip = Bh1750(b"\x83\x90")
    sensor, reading = opened(rig((0x23, chip)), kind="bh1750", **WIRES)
    chip.write = lambda data: 0
    assert isinstance(await failure(sensor, reading), OSError)


def test_those_on_the_same_pins_share_a_bus():
    board = rig()
    first, _ = opened(board, kind="bh1750", **WIRES)
    second, _ = opened(board, kind="sht3x", **WIRES)
    third, _ = opened(board, kind="sht3x", scl=5, sda=4)
    assert first._i2c is second._i2c and third._i2c is not first._i2c
    assert first._i2c.scan() == []
