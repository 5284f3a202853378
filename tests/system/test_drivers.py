"""Sensor drivers on a virtual board with the packed agent, by the command and real mpremote."""

import json
import subprocess
import sys

import pytest
from board_rig import SETTINGS, caller, device, give_settings

from ways_device.board import Board
from ways_device.boardlink import BoardLink
from ways_device.devicelog import parse

RAIN = """
import asyncio

from firmware.errors import SensorError
from firmware.reading import Datapoint

_STEP = 0.2


class Rain:
    def __init__(self, i2c, pin, point):
        self.points = (point,)
        self.i2c = i2c
        self.pin = pin

    async def read_into(self, reading):
        await asyncio.sleep_ms(5)
        try:
            self.i2c.readfrom_mem(72, 0, 2)
        except OSError as exc:
            if exc.errno != 19 or self.pin.value():
                raise SensorError("wrong")
        reading.set(self.points[0].key, 3 * _STEP)


def open(board, options):
    pin = board.pin(options.pop("pin"), board.pin.IN)
    return Rain(board.i2c(22, 21), pin, Datapoint("rain", "mm", decimals=1))
"""
FILES = "import os\ntry: print(sorted(os.listdir('/sensors')))\nexcept OSError: print('none')"


@pytest.fixture(scope="module")
def info(tmp_path_factory):
    with device(tmp_path_factory.mktemp("board")) as made:
        yield made


@pytest.fixture
def board(info):
    made = Board(BoardLink(info["port"]))
    give_settings(made)
    yield made


@pytest.fixture
def run(info, board, tmp_path, monkeypatch, capsys):
    plain = caller(info, tmp_path / "home", monkeypatch, capsys, "--json")

    def call(*words, expected=0):
        said = plain(*words, expected=expected)
        return json.loads(said.out) if said.out else said.err

    return call


@pytest.fixture
def rain(tmp_path):
    path = tmp_path / "rain.py"
    path.write_text(RAIN)
    return path


def on_board(info, program):
    done = subprocess.run(
        [sys.executable, "-m", "mpremote", "connect", info["port"], "exec", program],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return done.stdout.strip()


def agent_says(board):
    """Return what the agent's log says first, "" if it does not run."""
    with board.listen() as listener:
        for _ in range(80):
            for text in listener.lines(0.25):
                line = parse(text)
                if line is not None and line.module in ("agent", "wifi"):
                    return text
    return ""


def test_every_driver_of_ours_runs_on_the_board_or_says_why_not(run):
    wires = "scl=22,sda=21"
    asked = {
        "ds18b20:pin=4": 19.25,
        "pulse:pin=14": 0,
        "digital:pin=13,pull=down": False,
        f"bme280:{wires}": None,
        f"sht3x:{wires},address=0x45": None,
        f"bh1750:{wires}": None,
        f"ina219:{wires}": None,
    }
    rows = run("sensor", "test", *asked, expected=1)
    for row, value in zip(rows, asked.values(), strict=True):
        if value is None:
            assert "ENODEV" in row["error"], row
        else:
            assert row["values"][0]["value"] == value, row


def test_a_driver_is_tried_without_being_left_there(run, info, rain):
    (row,) = run("sensor", "test", "rain:pin=5", "--driver", str(rain))
    assert [(one["key"], one["unit"]) for one in row["values"]] == [("rain", "mm")]
    assert abs(row["values"][0]["value"] - 0.6) < 0.001
    (row,) = run("sensor", "test", "rain", "--driver", str(rain), expected=1)
    assert row["error"] == "sensors: rain: option pin is missing"
    rain.write_text("import nowhere\n" + RAIN)
    (row,) = run("sensor", "test", "rain:pin=5", "--driver", str(rain), expected=1)
    assert row["error"] == "sensors: rain: ImportError: no module named 'nowhere'"
    assert on_board(info, FILES) == "none"
    assert json.loads(on_board(info, "print(open('/config.json').read())")) == SETTINGS


def test_a_driver_is_added_and_outlives_updates_of_the_agent(run, board, info, rain):
    said = run("sensor", "add", "rain:pin=5", expected=3)
    assert "sensors: rain: no module named" in said and "nor /sensors/rain.py" in said
    run("sensor", "add", "rain:pin=5", "--driver", str(rain), "--dry-run")
    assert on_board(info, FILES) == "none"

    run("sensor", "add", "rain:pin=5", "--driver", str(rain))
    assert "config_unusable" not in agent_says(board)
    assert on_board(info, FILES) == "['rain.mpy']"
    on_board(info, "open('/sensors/notes.txt', 'w').close()\nopen('/lib/firmware/x.py', 'w')")
    # Changed code, so that there is something to copy.
    on_board(info, "import os\nos.remove('/lib/firmware/sensors/adc.mpy')")
    assert run("deploy")["copied"] == ["/lib/firmware/sensors/adc.mpy"]
    assert on_board(info, FILES) == "['notes.txt', 'rain.mpy']"
    rows = run("sensor", "test")
    assert [row["kind"] for row in rows] == ["simulated", "rain"]
    assert all("error" not in row for row in rows)

    rain.write_text(RAIN.replace("0.2", "0.4"))
    assert run("deploy", "--driver", str(rain))["copied"] == ["/sensors/rain.mpy"]
    value = run("sensor", "test", "rain:pin=5")[0]["values"][0]["value"]
    assert abs(value - 1.2) < 0.001
