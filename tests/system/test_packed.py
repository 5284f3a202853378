"""The agent as boards get it, packed: what it loads on demand does what its source does."""

import shutil

import downlink_rig as rig
import pytest
from sandbox_rig import eventually, running
from service_rig import services

from ways_device import bytecode
from ways_device.resources import device_source
from ways_device.toolchain import device_lib

# A driver of somebody's own, which fails as soon as a file says so.
MOODY = """
import os

from firmware.errors import SensorError
from firmware.reading import Datapoint


class Moody:
    def __init__(self, path):
        self.points = (Datapoint("mood", decimals=1),)
        self.path = path

    async def read_into(self, reading):
        try:
            os.stat(self.path)
        except OSError:
            reading.set(self.points[0].key, 5)
            return
        raise SensorError("it is in no mood")


def open(board, options):
    return Moody(board.root + "moody")
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """The packed agent for Linux with the library that it needs, as a tree of files."""
    folder = tmp_path_factory.mktemp("packed")
    for file in bytecode.device_files(device_source(), "board_unix"):
        target = folder / file.path[1:]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.data)
    shutil.copytree(device_lib() / "umqtt", folder / "lib" / "umqtt")
    return folder


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with running(tmp_path_factory.mktemp("sandbox")) as sandbox:
        for key in ("temperature", "temperature_min", "temperature_count", "mood"):
            sandbox.post("/datapoints", {"key": key, "data_type": "number"})
        yield sandbox


@pytest.fixture
def device_of(sandbox, tmp_path, root):
    with services(sandbox, tmp_path, root) as make:
        yield make


def latest(device):
    """Return {key: value} of what the platform shows of a device."""
    rows = device.sandbox.get(f"/devices/{device.device_id}/telemetry/latest")
    return {row["name"]: row["value"] for row in rows}


def has_said(device, words):
    return eventually(lambda: [line for line in device.agent.said if words in line])


@pytest.mark.parametrize("bits", ["64", "32"])
def test_commands_are_answered(device_of, root, bits):
    assert not [path for path in root.rglob("*.py") if "firmware" in path.parts]
    device = device_of(f"packed-{bits}", bits)
    record = device.ended(device.send("read_now"))
    assert record["state"] == "done" and 18 <= record["result"]["temperature"] <= 24
    record = device.ended(device.send("set_interval", interval_s=2))
    assert record["result"] == {"interval_s": 2} and device.settings()["interval_s"] == 2
    record = device.ended(device.send("get_config", keys=["interval_s"]))
    assert record["result"]["settings"] == {"interval_s": 2}
    record = device.ended(device.send("get_logs", lines=3))
    assert len(record["result"]["lines"]) == 3
    for name, args, reason in (
        ("identify", {}, "no led_pin"),
        ("sync_time", {}, "this machine keeps its own time"),
        (
            "add_wifi",
            {"ssid": "cellar", "password": "12345678"},
            "this machine manages its network",
        ),
        ("format_flash", {}, "name: unknown"),
        ("set_interval", {"interval_s": 0}, "interval_s: not in 1..86400"),
    ):
        record = device.ended(device.send(name, **args))
        assert record["state"] == "refused" and record["reason"].startswith(reason), record
    assert device.ended(device.send("reboot"))["state"] == "done"
    assert device.starts == 2
    assert not [line for line in device.agent.said if "Traceback" in line or "task_ended" in line]


def test_settings_are_judged_used_and_taken_back(sandbox, device_of):
    device = device_of("packed-settings")

    def answer():
        return (rig.config(sandbox, device.device_id)["answer"] or {}).get("keys")

    def give(**settings):
        sandbox.call("PUT", f"/sandbox/devices/{device.device_id}/config", settings)

    give(interval_s=2, log_level="X", mqtt_port=1, budget_per_min=500)
    wrong = {"log_level": "'X' is not one of E, W, I, D", "mqtt_port": "refused: over USB only"}
    eventually(answer, {"interval_s": "ok", "budget_per_min": "ok", **wrong})
    assert device.starts == 1
    give(window=4)
    eventually(lambda: (answer() or {}).get("window"), "ok, restarts")
    eventually(lambda: device.starts, 2)
    eventually(lambda: (device.folder / "config.last").read_text().count('"window": 4'), 1)
    give(sensors=[{"kind": "nonsense"}])
    eventually(lambda: (answer() or {}).get("sensors"), "taken back: no session with it")
    assert device.settings()["window"] == 4
    assert device.ended(device.send("read_now"))["state"] == "done"


def test_filters_and_a_sensor_that_fails_and_comes_back(tmp_path, device_of):
    folder = tmp_path / "packed-sensors"
    (folder / "sensors").mkdir(parents=True)
    (folder / "sensors" / "moody.py").write_text(MOODY)
    device = device_of(
        "packed-sensors",
        interval_s=2,
        sensors=[
            {"kind": "simulated", "every_s": 1, "aggregate": ["mean", "min", "count"]},
            {"kind": "moody", "deadband": 1, "heartbeat_s": 1},
        ],
    )
    shown = eventually(lambda: latest(device).get("temperature_count") == 2 and latest(device))
    assert shown["temperature_min"] <= shown["temperature"] and shown["mood"] == 5
    (folder / "moody").touch()
    (line,) = has_said(device, "sensor_failed")
    assert "why=it is in no mood" in line
    (folder / "moody").unlink()
    has_said(device, "sensor_recovered")
    assert device.starts == 1
