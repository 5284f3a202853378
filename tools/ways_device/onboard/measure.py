# type: ignore
# ruff: noqa: F821 (common.py and lend.py go before it)
"""Run sensor drivers once, as the agent would, and tell what they say."""

_LIMIT_MS = 5000
# What a reading can hold, as the agent keeps it: an integer of 10**-decimals, or so much text.
_MOST = 0x3FFFFFFF
_MOST_BYTES = 64


class Told:
    """What a driver sets, checked as a reading checks it."""

    def __init__(self, points):
        self._points = {point.key: point for point in points}
        self.values = {}

    def set(self, key, value):
        point = self._points[key]
        if point.data_type == "number":
            value = _number(value, point.decimals)
        elif point.data_type == "boolean":
            value = bool(value)
        elif len(value.encode()) > _MOST_BYTES:
            raise ValueError(f"text over {_MOST_BYTES} bytes")
        self.values[key] = value


def _number(value, decimals):
    import math

    if not isinstance(value, int) and not math.isfinite(value):
        raise ValueError(f"not a number: {value}")
    if abs(value) * 10**decimals > _MOST:
        raise ValueError(f"out of range: {value}")
    return value if isinstance(value, int) else round(value, decimals)


def main(args):
    """args: sensors, as in the settings; drivers, {kind: source} of those not on the board"""
    lend(args["drivers"])
    # On a board the agent's modules are one, and Board is nobody's to import.
    from firmware import setup

    board = setup.Board()
    answer({"sensors": [tried(entry, board) for entry in args["sensors"]]})


def driver(kind):
    """Return the module of a kind that the agent has judged: its own, or else the user's."""
    try:
        return __import__("firmware.sensors." + kind, None, None, ("open",))
    except ImportError:
        return __import__("sensors." + kind, None, None, ("open",))


def tried(entry, board):
    """Return the sensor's kind with its values, or with the error in its driver's words."""
    import asyncio
    import time

    options = dict(entry)
    kind = options.pop("kind")
    began_ms = time.ticks_ms()
    found = {"kind": kind}
    try:
        sensor = driver(kind).open(board, options)
        told = Told(sensor.points)
        asyncio.run(asyncio.wait_for_ms(sensor.read_into(told), _LIMIT_MS))
        found["values"] = [
            {"key": point.key, "value": told.values[point.key], "unit": point.unit}
            for point in sensor.points
            if point.key in told.values
        ]
    except asyncio.TimeoutError:
        found["error"] = f"no value within {_LIMIT_MS // 1000} s"
    except Exception as exc:
        found["error"] = str(exc) or type(exc).__name__
    found["ms"] = time.ticks_diff(time.ticks_ms(), began_ms)
    return found
