import json
import sys

from fakes.board import FakeBoard
from fakes.clock import FakeClock
from firmware import fitting
from firmware.config import checked
from firmware.status import Status

HEAP_KB = 256


def status_of(**settings):
    board = FakeBoard()
    board.voltages_mv[34] = 1920
    values = {"mqtt_host": "h"}
    values.update(settings)
    battery = fitting.battery(board, checked(values))
    level_pct = battery and battery.level_pct
    return json.loads(Status(FakeClock(), level_pct, lambda: None, ()).document())


def test_without_a_pin_no_level_is_told_and_nothing_of_it_is_loaded():
    assert "battery_level" not in status_of()
    assert "firmware.power" not in sys.modules


def test_with_a_pin_the_level_is_in_the_status():
    assert status_of(battery_pin=34)["battery_level"] == 60
