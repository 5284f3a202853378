"""The battery and the signal as datapoints."""

import asyncio

from fakes.board import FakeBoard
from firmware import sensors
from firmware.errors import ConfigError, SensorError
from firmware.reading import Reading


class Wlan:
    def __init__(self):
        self.is_joined, self.rssi = True, -60

    def isconnected(self):
        return self.is_joined

    def status(self, what):
        if isinstance(self.rssi, Exception):
            raise self.rssi
        return self.rssi if what == "rssi" else None


class Board(FakeBoard):
    def __init__(self):
        super().__init__()
        self.wlan = Wlan()


def opened(board, **entry):
    return sensors.open_all([entry], board)[0][1]


async def values_of(sensor):
    reading = Reading(sensor.points)
    await sensor.read_into(reading)
    return dict(zip([point.key for point in sensor.points], reading.values))


async def told_by(sensor, times):
    """Return what a sensor of one datapoint tells, so many times."""
    seen = []
    for _ in range(times):
        seen += (await values_of(sensor)).values()
    return seen


async def failure_of(sensor):
    try:
        await values_of(sensor)
    except SensorError as exc:
        return str(exc)
    return None


def refusal(**entry):
    try:
        opened(Board(), **entry)
    except ConfigError as exc:
        return str(exc)
    return None


async def test_a_battery_tells_its_charge_its_voltage_or_both():
    board = Board()
    board.voltages_mv[34] = 1920
    sensor = opened(board, kind="battery", pin=34)
    assert await values_of(sensor) == {"battery_level": 60}
    assert [point.unit for point in sensor.points] == ["%"]
    sensor = opened(board, kind="battery", pin=34, key="charge", voltage="volts")
    assert await values_of(sensor) == {"charge": 60, "volts": 3840}
    assert [point.unit for point in sensor.points] == ["%", "V"]
    sensor = opened(board, kind="battery", pin=34, key="", voltage="volts", offset_mv=-20)
    assert await values_of(sensor) == {"volts": 3820}


async def test_a_battery_of_another_chemistry_behind_another_divider():
    board = Board()
    board.voltages_mv[35] = 1300
    sensor = opened(board, kind="battery", pin=35, divider_milli=3000, chemistry="3xaa")
    assert await values_of(sensor) == {"battery_level": 67}


async def test_a_burst_during_the_measurement_does_not_count():
    board = Board()
    told = [1500] * 4 + [1920] * 5
    board.adc_mv = lambda pin: told.pop()
    assert await values_of(opened(board, kind="battery", pin=34)) == {"battery_level": 60}
    assert told == []


async def test_others_get_their_turn_while_a_battery_is_measured():
    board = Board()
    board.voltages_mv[34] = 1500

    async def end_the_burst():
        board.voltages_mv[34] = 1920

    asyncio.create_task(end_the_burst())
    assert await values_of(opened(board, kind="battery", pin=34)) == {"battery_level": 60}


async def test_what_no_battery_has_is_an_error_and_not_zero():
    board = Board()
    sensor = opened(board, kind="battery", pin=34)
    for pin_mv in (0, 624, 2515):
        board.voltages_mv[34] = pin_mv
        assert await failure_of(sensor) == "no li-ion battery has what pin 34 tells"


def test_options_of_a_battery_are_checked():
    assert "pin" in refusal(kind="battery")
    wrong = ("pin", 65), ("divider_milli", 999), ("offset_mv", 501), ("chemistry", "lead")
    for key, value in wrong:
        entry = {"pin": 34}
        entry[key] = value
        assert key in refusal(kind="battery", **entry)
    assert refusal(kind="battery", pin=34, key="") is not None
    assert refusal(kind="battery", pin="x") is not None
    assert "volts" in refusal(kind="battery", pin=34, volts="v")


async def test_a_signal_is_smoothed_by_quarters():
    board = Board()
    sensor = opened(board, kind="signal", key="wifi")
    assert await values_of(sensor) == {"wifi": -60} and sensor.points[0].unit == "dBm"
    board.wlan.rssi = -80
    seen = await told_by(sensor, 20)
    assert seen[:3] == [-65, -69, -72]
    # It gets there, without passing it, from either side.
    assert seen == sorted(seen, reverse=True) and seen[-1] == -80
    board.wlan.rssi = -50
    seen = await told_by(sensor, 30)
    assert seen == sorted(seen) and seen[-1] == -50


async def test_one_wild_value_moves_a_signal_by_a_quarter():
    board = Board()
    sensor = opened(board, kind="signal")
    await values_of(sensor)
    board.wlan.rssi = -92
    assert await values_of(sensor) == {"signal_strength": -68}


async def test_without_a_link_there_is_no_signal_and_the_next_begins_anew():
    board = Board()
    sensor = opened(board, kind="signal")
    await values_of(sensor)
    board.wlan.is_joined = False
    assert await failure_of(sensor) == "not joined"
    board.wlan.is_joined, board.wlan.rssi = True, -90
    assert await values_of(sensor) == {"signal_strength": -90}
    # The driver says so by itself, or has no radio.
    for board.wlan.rssi in (OSError("Wifi Not Connected"), None):
        assert await failure_of(sensor) == "not joined"
    board.wlan.rssi = -70
    assert await values_of(sensor) == {"signal_strength": -70}
