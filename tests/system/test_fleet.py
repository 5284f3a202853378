"""`fleet` for real: the command, mpremote, two virtual boards, a sandbox with faults."""

import csv
import json
import signal
import subprocess
from contextlib import ExitStack

import pytest
from realparts import COMMAND, World, part

FAULTS = {
    "seed": 3,
    "http": [
        {"fault": "status", "status": [500, 502, 503], "probability": 0.2},
        {"fault": "lost", "method": "POST", "path": "/devices", "times": 1},
    ],
}
DRIVER = """
from firmware.reading import Datapoint


class Rain:
    def __init__(self, mm, point):
        self.points = (point,)
        self.mm = mm

    async def read_into(self, reading):
        reading.set(self.points[0].key, self.mm)


def open(board, options):
    return Rain(options.pop("mm"), Datapoint(options.pop("key", "rain"), "mm", decimals=1))
"""


@pytest.fixture
def real(tmp_path):
    """One computer with a sandbox and two boards, the second beside the first."""
    plan = tmp_path / "faults.json"
    plan.write_text(json.dumps(FAULTS))
    words = ["sandbox", "start", "--state", str(tmp_path / "state"), "--port", "0"]
    with ExitStack() as stack:
        sandbox = stack.enter_context(part(tmp_path / "sandbox", *words, "--faults", str(plan)))
        boards = [
            stack.enter_context(
                part(tmp_path / name, "vboard", "start", "--dir", str(tmp_path / name / "chip"))
            )
            for name in ("one", "two")
        ]
        world = World(tmp_path, sandbox, boards[0])
        world.boards = boards
        stack.callback(world.api.close)
        yield world


def write_sheet(real, *lines):
    path = real.folder / "devices.csv"
    path.write_text(
        "\n".join(["name,device_id,chip_id,interval_s,group,tags,sensors", *lines]) + "\n"
    )
    return path


def fleet(real, command, *more):
    words = ["fleet", command, str(real.folder / "devices.csv")]
    words += ["--sandbox", str(real.folder / "sandbox" / "info.json"), *more]
    return [*words, "--json"] if "--json" not in words else words


def provision(real, *more):
    ports = ",".join(board["port"] for board in real.boards)
    words = ["--ports", ports, "--wifi-file", str(real.wifi_file), *more]
    return fleet(real, "provision", *words)


def results(real):
    with (real.folder / "devices-result.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_two_boards_become_devices_side_by_side(real):
    second = real.boards[1]["unique_id"]
    write_sheet(real, f"Second,,{second},1,Hall,a;b,", "First one,any-1,,1,,,rain:mm=0.5")
    driver = real.folder / "rain.py"
    driver.write_text(DRIVER)
    before = real.run(*fleet(real, "plan", "--driver", str(driver)))
    assert before.returncode == 0, before.stderr
    plan = json.loads(before.stdout)
    assert [row["state"] for row in plan["rows"]] == ["new", "new"]
    assert "rain" in plan["to_make"]["datapoints"]

    done = real.run(*provision(real, "--driver", str(driver)), timeout_s=110)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["done"] == 2
    assert {row["state"] for row in results(real)} == {"done"}
    assert "rain 0.5" in {row["first_reading"] for row in results(real)}
    assert {row["chip_id"] for row in results(real)} == {
        board["unique_id"] for board in real.boards
    }
    real.api.request("DELETE", "/sandbox/faults")
    assert sorted(real.devices()) == ["any-1", f"esp32-{second}"]
    assert real.get(f"/v1/iot/devices/esp32-{second}/tags")["tags"] == ["a", "b"]
    assert [group["device_count"] for group in real.get("/v1/iot/groups")["groups"]] == [1]
    text = done.stdout + done.stderr + (real.folder / "devices-result.csv").read_text()
    for secret in (real.key, "ways-sandbox-password"):
        assert secret not in text

    report = real.run(*fleet(real, "report"))
    assert report.returncode == 0, report.stdout
    assert all(line["online"] and line["readings"] for line in json.loads(report.stdout))


def test_interrupted_run_lets_the_boards_go_and_goes_on(real):
    write_sheet(real, "First one,any-1,,1,,,", "Second one,any-2,,1,,,")
    with subprocess.Popen(
        [*COMMAND, *provision(real)], env=real.environment, stderr=subprocess.PIPE, text=True
    ) as child:
        for line in child.stderr:
            if ": registering" in line:
                child.send_signal(signal.SIGINT)
                break
        rest = child.stderr.read()
        assert child.wait(60) == 130, rest
    assert "stopping: the boards are let go" in rest
    assert "internal fault" not in rest
    assert {row["state"] for row in results(real)} <= {"begun", "left", "done"}
    done = real.run(*provision(real), timeout_s=110)
    assert done.returncode == 0, done.stderr
    real.api.request("DELETE", "/sandbox/faults")
    assert sorted(real.devices()) == ["any-1", "any-2"]


def test_sheet_that_is_wrong_is_told_before_anything_is_done(real):
    write_sheet(real, "ab,any-1,,x,,,", "Good,any-1,,1,,,")
    done = real.run(*provision(real))
    assert done.returncode == 2
    assert "line 2, name: 3 to 100" in done.stderr
    assert "line 2, interval_s: a whole number" in done.stderr
    assert "2 things are wrong; nothing was done" in done.stderr
    assert not (real.folder / "devices-result.csv").exists()
