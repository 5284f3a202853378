"""A driver of somebody's own: picked up from the folder sensors beside the data, or refused."""

import os
import sys

from harness import scratch

from fakes.bus import rig, told
from firmware.errors import ConfigError
from firmware.reading import Reading
from firmware.sensors import open_all

DRIVER = """
from firmware.reading import Datapoint


class Own:
    def __init__(self, step, point):
        self.points = (point,)
        self.step = step

    async def read_into(self, reading):
        reading.set(self.points[0].key, self.step)


def open(board, options):
    return Own(options.pop("step"), Datapoint(options.pop("key", "own"), "mm", decimals=1))
"""


def board_with(**files):
    board = rig()
    board.root = scratch() + "/"
    if files:
        os.mkdir(board.root + "sensors")
    for name, text in files.items():
        with open("%ssensors/%s.py" % (board.root, name), "w") as file:
            file.write(text)
    return board


def refusal(board, **entry):
    path = list(sys.path)
    try:
        open_all([entry], board)
    except ConfigError as exc:
        assert sys.path == path
        return str(exc)
    raise AssertionError("taken")


async def test_a_driver_of_ones_own_is_found_without_touching_ours():
    path = list(sys.path)
    board = board_with(own=DRIVER)
    opened = open_all(
        [
            {"kind": "own", "step": 3},
            {"kind": "own", "step": 4, "key": "b"},
            {"kind": "simulated"},
        ],
        board,
    )
    assert [kind for kind, _ in opened] == ["own", "own", "simulated"]
    reading = Reading([point for _, sensor in opened for point in sensor.points])
    for (_, sensor), value in zip(opened[:2], (30, 40)):
        assert list((await told(sensor, Reading(sensor.points))).values()) == [value]
    assert [point.key for point in reading.points] == ["own", "b", "temperature"]
    assert sys.path == path


async def test_a_driver_may_share_code_with_another_beside_it():
    shared = "LENGTH_MM = 7\n"
    text = "from sensors.shared import LENGTH_MM\n" + DRIVER.replace(
        "self.step)", "self.step * LENGTH_MM)"
    )
    ((_, sensor),) = open_all([{"kind": "own", "step": 3}], board_with(own=text, shared=shared))
    assert await told(sensor, Reading(sensor.points)) == {"own": 210}


def test_ours_cannot_be_replaced():
    board = board_with(simulated="def open(board, options):\n    raise ValueError('mine')\n")
    ((_, sensor),) = open_all([{"kind": "simulated"}], board)
    assert sensor.__class__.__name__ == "Simulated"


def test_one_that_is_in_neither_place():
    said = refusal(board_with(), kind="own")
    assert said.startswith("sensors: own: no module named 'firmware.sensors.own', nor /")
    assert said.endswith("/sensors/own.py")
    assert "nor /" in refusal(board_with(other=DRIVER), kind="os")


def test_a_module_that_is_no_driver_is_not_reached():
    # Neither what is built in, nor another file of the board.
    board = board_with(own=DRIVER)
    with open(board.root + "secret.py", "w") as file:
        file.write(DRIVER)
    for kind in ("secret", "os", "machine", "firmware"):
        assert "nor /" in refusal(board, kind=kind)
    assert "secret" not in sys.modules and "sensors.secret" not in sys.modules


def test_one_that_raises_on_import():
    for text, said in (
        ("import nowhere\n", "ImportError: no module named 'nowhere'"),
        ("1 / 0\n", "ZeroDivisionError: divide by zero"),
        ("def open(:\n", "SyntaxError: invalid syntax"),
        ("raise OSError(19)\n", "OSError: [Errno 19] ENODEV"),
    ):
        board = board_with(own=text)
        assert refusal(board, kind="own") == "sensors: own: " + said
        os.remove(board.root + "sensors/own.py")
        os.rmdir(board.root + "sensors")
        sys.modules.pop("sensors.own", None)


def test_one_that_is_no_driver():
    said = refusal(board_with(own="X = 1\n"), kind="own")
    assert said == "sensors: own: AttributeError: 'module' object has no attribute 'open'"
    del sys.modules["sensors.own"]


def test_one_whose_sensor_is_none():
    said = refusal(board_with(own="def open(board, options):\n    pass\n"), kind="own")
    assert "has no attribute 'points'" in said
    del sys.modules["sensors.own"]
    os.remove(scratch() + "/sensors/own.py")
    os.rmdir(scratch() + "/sensors")
    silent = DRIVER.replace("(point,)", "()")
    assert refusal(board_with(own=silent), kind="own", step=1) == "sensors: own: it tells nothing"


def test_options_that_do_not_fit_it():
    board = board_with(own=DRIVER)
    assert refusal(board, kind="own") == "sensors: own: option step is missing"
    assert refusal(board, kind="own", step=1, stp=2) == "sensors: own: unknown option stp"
    assert "reserved" in refusal(board, kind="own", step=1, key="timestamp")


def test_a_machine_without_pins_says_so():
    from firmware.board_unix import Board

    board = Board(scratch())
    for kind in ("bme280", "sht3x", "bh1750", "ina219"):
        said = refusal(board, kind=kind, scl=22, sda=21)
        assert said == "sensors: %s: OSError: [Errno 19] ENODEV" % kind
    for kind in ("pulse", "digital"):
        assert refusal(board, kind=kind, pin=4) == "sensors: %s: this machine has no pins" % kind


async def test_a_machine_has_its_own_drivers_beside_its_data():
    from firmware.board_unix import Board

    board = Board(board_with(own=DRIVER).root)
    ((_, sensor),) = open_all([{"kind": "own", "step": 3}], board)
    assert await told(sensor, Reading(sensor.points)) == {"own": 30}
