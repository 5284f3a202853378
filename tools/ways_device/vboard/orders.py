"""What the control socket can order, by key. Later parts add rows.

{"power": "cut"}            no power: the chip stops at once, RTC memory and time are gone
{"power": "on"}
{"power": "brown-out"}      it dips: a power-on for the chip, which finds RTC memory and time
{"panic": true}             the chip's own code fails and resets it
{"watchdog_haste": 10}      the watchdog, when armed the next time, counts ten times as fast
{"adc_mv": {"34": 1800}}    the voltage at pins
{"wlan": {...}}             the network in the air, see world.py
{"clock": unix_s}           set the chip's clock, as only a test can
"""

from collections.abc import Callable
from typing import Any

from ways_device.vboard import world
from ways_device.vboard.board import Board
from ways_device.vboard.control import Commands

# What the chip's own calendar holds.
_FIRST_UNIX_S = 946684800
_LAST_UNIX_S = 4102444800
_HASTIEST = 1000


Action = Callable[[], None]


def commands(board: Board) -> Commands:
    """Return the table of the orders to this board."""
    return {
        "power": lambda value: _power(board, value),
        "panic": lambda value: _panic(board, value),
        "watchdog_haste": lambda value: _haste(board, value),
        "adc_mv": lambda value: _adc_mv(board, value),
        "wlan": lambda value: _wlan(board, value),
        "clock": lambda value: _clock(board, value),
    }


def _power(board: Board, value: Any) -> Action:
    if value == "cut":
        return board.power_off
    if value == "on":
        return board.power_on
    if value == "brown-out":
        return board.brown_out
    raise ValueError(f'power: {value!r} is none of "cut", "on" and "brown-out"')


def _panic(board: Board, value: Any) -> Action:
    if value is not True:
        raise ValueError(f"panic: {value!r} is not true")
    return board.panic


def _haste(board: Board, value: Any) -> Action:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _HASTIEST:
        raise ValueError(f"watchdog_haste: {value!r} is not a number from 1 to {_HASTIEST}")
    return lambda: board.hurry(value)


def _adc_mv(board: Board, value: Any) -> Action:
    millivolts = world.parse_adc_mv(value)
    return lambda: board.world.set_adc_mv(millivolts)


def _wlan(board: Board, value: Any) -> Action:
    air, script = world.parse_wlan(value)
    return lambda: board.world.set_wlan(air, script)


def _clock(board: Board, value: Any) -> Action:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"clock: {value!r} is not a number of seconds since 1970")
    if not _FIRST_UNIX_S <= value < _LAST_UNIX_S:
        raise ValueError(f"clock: {value!r} is not in the years 2000 to 2099")
    if not board.clock.is_shifted:
        raise ValueError("clock: libfaketime is not there; set the time on the board itself")
    return lambda: board.clock.set(value)
