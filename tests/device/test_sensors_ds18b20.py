"""The DS18B20 driver by table 1 of Maxim 19-7487, and what goes wrong on a 1-Wire bus."""

from fakes.bus import failure, opened, rig, told
from fakes.wires import OneWire, Pin, Thermometer, Time
from firmware.errors import ConfigError, SensorError

A = b"\x28\xaa\x10\x20\x30\x40\x50\x9d"
B = b"\x28\xbb\x10\x20\x30\x40\x50\x07"
# Table 1, temperature/data relationship: 1/16 degC a step.
TABLE = (
    (0x07D0, 12500),
    (0x0191, 2506),
    (0x00A2, 1012),
    (0x0008, 50),
    (0x0000, 0),
    (0xFFF8, -50),
    (0xFF5E, -1012),
    (0xFE6F, -2506),
    (0xFC90, -5500),
)


def bus(*chips, **entry):
    OneWire.chips = chips
    return opened(rig(), kind="ds18b20", pin=4, **entry)


async def test_temperatures_of_the_table():
    chip = Thermometer(A)
    sensor, reading = bus(chip)
    for raw, centi_c in TABLE:
        chip.measure(raw)
        assert await told(sensor, reading) == {"temperature": centi_c}, hex(raw)
    assert sensor.driver.ow.pin.number == 4 and isinstance(sensor.driver.ow.pin, Pin)


async def test_a_conversion_gets_its_750_ms():
    sensor, reading = bus(Thermometer(A, 0x0191))
    before_ms = Time.now_ms
    await told(sensor, reading)
    assert Time.now_ms - before_ms == 750


async def test_the_value_of_power_on_is_none():
    # Table 1: 85 degC, 0550h, is what it has before the first conversion.
    chip = Thermometer(A, 0x0550)
    sensor, reading = bus(chip)
    exc = await failure(sensor, reading)
    assert isinstance(exc, SensorError) and "lost its power" in str(exc)
    chip.measure(0x0551)
    assert await told(sensor, reading) == {"temperature": 8506}


async def test_a_wrong_checksum_is_no_value():
    sensor, reading = bus(Thermometer(A, 0x0191))
    for OneWire.spoils in range(9):
        exc = await failure(sensor, reading)
        assert isinstance(exc, SensorError) and str(exc) == "CRC error"


async def test_an_empty_bus_is_no_value():
    sensor, reading = bus()
    assert str(await failure(sensor, reading)) == "0 thermometers on the bus"
    sensor, reading = bus(rom="28aa10203040509d")
    exc = await failure(sensor, reading)
    assert isinstance(exc, SensorError) and "nothing answers" in str(exc)


async def test_a_bus_that_is_held_down_is_not_0_degrees():
    OneWire.is_held = True
    sensor, reading = bus(rom="28aa10203040509d")
    assert str(await failure(sensor, reading)) == "the 1-Wire bus is held down"


async def test_several_on_a_bus_by_their_ids():
    chips = Thermometer(A, 0x0191), Thermometer(B, 0xFE6F)
    first, of_first = bus(*chips, rom="28AA10203040509d", key="inlet")
    second, of_second = bus(*chips, rom="28bb102030405007", key="outlet")
    assert await told(first, of_first) == {"inlet": 2506}
    assert await told(second, of_second) == {"outlet": -2506}
    OneWire.chips = chips[1:]
    assert isinstance(await failure(first, of_first), SensorError)
    assert await told(second, of_second) == {"outlet": -2506}


async def test_by_index_it_stays_the_one_it_was():
    chips = Thermometer(A, 0x0191), Thermometer(B, 0xFE6F)
    sensor, reading = bus(*chips, index=1)
    assert await told(sensor, reading) == {"temperature": -2506}
    OneWire.chips = chips[1], chips[0]
    assert await told(sensor, reading) == {"temperature": -2506}
    sensor, reading = bus(*chips, index=2)
    assert str(await failure(sensor, reading)) == "2 thermometers on the bus"


def test_an_id_that_is_none_is_refused():
    for rom in ("28aa", "28aa10203040509", "zzaa10203040509d", 7):
        try:
            bus(rom=rom)
        except ConfigError as exc:
            assert str(exc).startswith("sensors: ds18b20: ")
            continue
        raise AssertionError(rom)


async def test_an_id_of_digits_alone_may_come_as_a_number():
    rom = b"\x28\x11\x22\x33\x44\x55\x66\x77"
    sensor, reading = bus(Thermometer(rom, 0x0191), rom=2811223344556677)
    assert await told(sensor, reading) == {"temperature": 2506}
