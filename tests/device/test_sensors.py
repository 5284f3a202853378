import sys

from fakes.board import FakeBoard
from firmware import sensors
from firmware.errors import ConfigError, SensorError
from firmware.reading import Reading


class Dht:
    """Stands for the driver that stock images freeze."""

    fails = None

    def __init__(self, pin):
        self.pin = pin

    def measure(self):
        if Dht.fails:
            raise Dht.fails

    def temperature(self):
        return -10.1

    def humidity(self):
        return 65.2


class Dht11(Dht):
    def temperature(self):
        return 23

    def humidity(self):
        return 40


class Frozen:
    DHT22 = Dht
    DHT11 = Dht11


class Board(FakeBoard):
    def pin(self, number):
        return ("pin", number)


async def values_of(board, **entry):
    _, sensor = sensors.open_all([entry], board)[0]
    reading = Reading(sensor.points)
    await sensor.read_into(reading)
    return dict(zip([point.key for point in sensor.points], reading.values)), sensor


def refusal(*entries):
    sys.modules["dht"] = Frozen
    try:
        sensors.open_all(entries, Board())
    except ConfigError as exc:
        return str(exc)
    return None


async def test_the_simulated_room_swings_around_its_middle():
    board = FakeBoard()
    entry = {"kind": "simulated", "middle": 10, "swing": 2}
    _, sensor = sensors.open_all([entry], board)[0]
    reading = Reading(sensor.points)
    seen = []
    for _ in range(60):
        await sensor.read_into(reading)
        seen.append(reading.values[0])
    assert seen[0] == 1000 and min(seen) == 800 and max(seen) == 1200


async def test_the_chip_tells_its_own_temperature():
    values, sensor = await values_of(FakeBoard(), kind="internal_temperature", key="chip")
    assert values == {"chip": 533} and sensor.points[0].unit == "°C"


async def test_a_voltage_behind_a_divider():
    board = FakeBoard()
    board.voltages_mv[34] = 1650
    values, _ = await values_of(board, kind="adc", pin=34, divider_milli=2000, key="supply")
    assert values == {"supply": 3300}


async def test_dht22_in_tenths_and_dht11_in_whole_units():
    sys.modules["dht"] = Frozen
    values, sensor = await values_of(Board(), kind="dht22", pin=4)
    assert values == {"temperature": -101, "humidity": 652}
    assert sensor.driver.pin == ("pin", 4)
    values, _ = await values_of(Board(), kind="dht11", pin=4, temperature="t", humidity="h")
    assert values == {"t": 23, "h": 40}


async def test_what_the_dht_driver_raises_is_a_sensor_error():
    sys.modules["dht"] = Frozen
    for Dht.fails in (OSError(116), Exception("checksum error")):
        try:
            await values_of(Board(), kind="dht22", pin=4)
        except SensorError:
            continue
        raise AssertionError("no error")


def test_a_sensor_that_cannot_be_is_refused_with_its_kind():
    missing = "no module named 'firmware.sensors.bme999', nor /nowhere/sensors/bme999.py"
    assert refusal({"kind": "bme999"}) == "sensors: bme999: " + missing
    assert refusal({"pin": 4}) == "sensors: None is no kind of sensor"
    assert refusal("adc") == "sensors: None is no kind of sensor"
    assert refusal({"kind": "adc"}) == "sensors: adc: option pin is missing"
    assert refusal({"kind": "adc", "pin": 3, "pn": 4}) == "sensors: adc: unknown option pn"
    assert "reserved" in refusal({"kind": "adc", "pin": 3, "key": "seq"})
    assert refusal({"kind": "dht22", "pin": 3}, {"kind": "adc", "pin": 34}) is None


def test_no_name_leads_out_of_the_folders_of_sensors():
    for kind in ("../main", "adc.x", "a/b", "", "_i2c", "__init__", "1wire", "a b", "é", 7, None):
        assert refusal({"kind": kind}) == "sensors: %r is no kind of sensor" % kind
