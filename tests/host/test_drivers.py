"""Sensor drivers of somebody's own: what is taken for one, and how it gets onto a board."""

import json

import pytest
from fakeboard import FakeBoard
from fakeplatform import FakePlatform

from ways_device import cli, drivers
from ways_device.board import CONFIG_PATH
from ways_device.boards import sensors, settings
from ways_device.boards.judge import judge
from ways_device.deploy import deploy
from ways_device.errors import BoardError, UsageError
from ways_device.resources import device_source
from ways_device.talk import Talk

DRIVER = '''
"""A rain gauge."""

from firmware.reading import Datapoint


class Rain:
    def __init__(self, point):
        self.points = (point,)

    async def read_into(self, reading):
        reading.set(self.points[0].key, 4)


def open(board, options):
    options.pop("pin")
    return Rain(Datapoint(options.pop("key", "rain"), "mm"))
'''
SETTINGS = {"rev": 1, "mqtt_host": "h", "sensors": [{"kind": "simulated"}]}


@pytest.fixture
def agent(tmp_path):
    """An agent of the fewest files, to be deployed quickly."""
    (tmp_path / "agent" / "firmware" / "sensors").mkdir(parents=True)
    for name in ("boot", "main", "firmware/__init__", "firmware/sensors/adc"):
        (tmp_path / "agent" / f"{name}.py").write_text("import os\n")
    (tmp_path / "agent" / "firmware" / "sensors" / "__init__.py").write_text("")
    return tmp_path / "agent"


@pytest.fixture
def rain(tmp_path):
    path = tmp_path / "rain.py"
    path.write_text(DRIVER)
    return path


@pytest.fixture
def board():
    made = FakeBoard(FakePlatform())
    made.files = {CONFIG_PATH: json.dumps(SETTINGS).encode(), "/main.py": b""}
    return made


def files(paths, source):
    return [one.file for one in drivers.load(paths, source)]


# What is taken for a driver.


def test_driver_is_compiled_for_the_board(agent, rain):
    (found,) = drivers.load([rain], agent)
    assert (found.kind, found.text) == ("rain", DRIVER)
    assert found.file.path == "/sensors/rain.mpy"
    assert found.file.data[:2] == b"M\x06" and b"sensors.rain" in found.file.data
    assert found.file.hiding == ["/sensors/rain.py"]


@pytest.mark.parametrize(
    "name", ["rain.txt", "rain", "1rain.py", "_rain.py", "ra-in.py", "ra in.py", "régen.py"]
)
def test_name_that_is_no_kind_is_refused(agent, tmp_path, name):
    (tmp_path / name).write_text(DRIVER)
    with pytest.raises(UsageError, match=r"KIND\.py is expected"):
        drivers.load([tmp_path / name], agent)


def test_kind_that_is_there_already_is_refused(agent, tmp_path, rain):
    (tmp_path / "adc.py").write_text(DRIVER)
    with pytest.raises(UsageError, match="there is a kind adc already"):
        drivers.load([tmp_path / "adc.py"], agent)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "rain.py").write_text(DRIVER)
    with pytest.raises(UsageError, match="there is a kind rain already"):
        drivers.load([rain, tmp_path / "more" / "rain.py"], agent)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def open(board, options)\n", "does not compile: line 1: expected ':'"),
        ("x = 1\n\ndef opened(board, options):\n    pass\n", r"it has no open\(board, options\)"),
        ("class A:\n    def open(self):\n        pass\n", r"it has no open\(board, options\)"),
        # Right for CPython, not for MicroPython.
        (
            "def open(board, options):\n    pass\n\n\nmatch 1:\n    case _:\n        pass\n",
            "rain.py:5",
        ),
        (b"\xff\xfe", "not text in UTF-8"),
        ("x = '\0'\ndef open(board, options):\n    pass\n", "does not compile"),
    ],
)
def test_file_that_cannot_be_a_driver_is_named(agent, rain, text, said):
    rain.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError, match=said) as caught:
        drivers.load([rain], agent)
    assert str(rain) in str(caught.value)


def test_file_that_is_not_there_is_named(agent, tmp_path):
    with pytest.raises(UsageError, match=r"none\.py: No such file"):
        drivers.load([tmp_path / "none.py"], agent)


# Onto a board.


def test_deploy_takes_drivers_along_and_copies_them_once(agent, board, rain):
    assert "/sensors/rain.mpy" in deploy(board, agent, Talk(), files([rain], agent))
    assert deploy(board, agent, Talk(), files([rain], agent)) == []
    rain.write_text(DRIVER.replace("4", "5"))
    assert deploy(board, agent, Talk(), files([rain], agent)) == ["/sensors/rain.mpy"]


def test_deploy_never_removes_what_is_in_the_folder_of_drivers(agent, board, rain):
    deploy(board, agent, Talk(), files([rain], agent))
    own = {"/sensors/mine.py": b"x", "/sensors/adc.py": b"y", "/sensors/notes.txt": b"z"}
    board.files |= own
    before = {path: data for path, data in board.files.items() if path.startswith("/sensors/")}
    (agent / "firmware" / "sensors" / "adc.py").write_text("import sys\n")
    assert "/lib/firmware/sensors/adc.mpy" in deploy(board, agent, Talk())
    after = {path: data for path, data in board.files.items() if path.startswith("/sensors/")}
    assert before == after and len(after) == 4


def test_source_of_a_driver_that_would_be_taken_instead_gives_way_to_the_new_one(
    agent, board, rain
):
    board.files["/sensors/rain.py"] = b"old"
    deploy(board, agent, Talk(), files([rain], agent))
    assert "/sensors/rain.py" not in board.files and "/sensors/rain.mpy" in board.files


def test_sensor_is_added_with_its_driver(board, rain):
    own = drivers.load([rain], device_source())
    board.files["/sensors/rain.py"] = b"old"
    settings.change(board, sensors.added({"kind": "rain", "pin": 4}), Talk(), drivers=own)
    assert board.files["/sensors/rain.mpy"] == own[0].file.data
    assert "/sensors/rain.py" not in board.files
    assert json.loads(board.files[CONFIG_PATH])["sensors"][1] == {"kind": "rain", "pin": 4}


def test_nothing_is_written_where_settings_are_refused_or_only_tried(board, rain):
    own = drivers.load([rain], device_source())
    before = dict(board.files)
    added = sensors.added({"kind": "rain", "pin": 4})
    settings.change(board, added, Talk(), dry_run=True, drivers=own)
    assert board.files == before

    def refuse(text, drivers):
        assert drivers == {"rain": DRIVER}
        raise BoardError("the device refuses these settings: sensors: rain")

    board.check_config = refuse
    with pytest.raises(BoardError):
        settings.change(board, added, Talk(), drivers=own)
    assert board.files == before and not board.held


# On this computer.


def test_settings_that_name_it_are_judged_with_it(rain):
    text = json.dumps({**SETTINGS, "sensors": [{"kind": "rain", "pin": 4}]}).encode()
    with pytest.raises(UsageError, match=r"sensors: rain: no module named .*, nor /.*/rain\.py"):
        judge(text, device_source())
    judged = judge(text, device_source(), drivers=files([rain], device_source()))
    assert [(point.key, point.unit) for point in judged.datapoints] == [("rain", "mm")]
    bare = json.dumps({**SETTINGS, "sensors": [{"kind": "rain"}]}).encode()
    with pytest.raises(UsageError, match="sensors: rain: option pin is missing"):
        judge(bare, device_source(), drivers=files([rain], device_source()))


def test_every_kind_of_ours_is_judged_without_a_board():
    entries = [
        *({"kind": kind, "scl": 22, "sda": 21} for kind in ("bme280", "sht3x", "ina219")),
        *({"kind": kind, "pin": 4} for kind in ("ds18b20", "dht22", "pulse", "digital")),
    ]
    for entry in entries:
        text = json.dumps({**SETTINGS, "sensors": [entry]}).encode()
        assert judge(text, device_source()).datapoints, entry


def test_kinds_are_listed_a_line_each(capsys):
    assert cli.run(["sensor", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    kinds = drivers.own_kinds(device_source())
    assert [line.split()[0] for line in lines] == kinds
    assert {"bme280", "ds18b20", "pulse"} <= set(kinds) and "__init__" not in kinds
    assert all(len(line) < 100 for line in lines)


def test_options_of_a_kind_are_listed(capsys):
    for kind in drivers.own_kinds(device_source()):
        assert cli.run(["sensor", "list", kind]) == 0
        said = capsys.readouterr().out
        assert "Options: " in said and "Options: none" not in said, kind
    assert cli.run(["sensor", "list", "nothing"]) == 2
    assert "the agent has no kind nothing" in capsys.readouterr().err
