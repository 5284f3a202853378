"""Provisioning for real: the command, mpremote, a virtual board, a sandbox with its broker."""

import json
import subprocess
from pathlib import Path

import pytest
from realparts import COMMAND, world

from ways_device import serialport


@pytest.fixture
def real(shared_sandbox, tmp_path):
    """A blank board and an account without anything."""
    with world(tmp_path, at=shared_sandbox) as made:
        yield made


def ok(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def fails(done, status, *parts):
    """Check that the command failed with one line on stderr that has these parts."""
    lines = [line for line in done.stderr.splitlines() if line.startswith("ways-device: ")]
    assert len(lines) == 1, done.stderr
    for part in parts:
        assert part in lines[0], lines[0]
    assert done.returncode == status
    assert done.stdout == ""


def test_board_becomes_a_device_and_goes_on_reporting(real):
    record = ok(real.provision("--sensor", "simulated:key=cellar", "--log-level", "D"))
    assert record["device_id"] == real.device_id
    assert record["datapoints"] == ["cellar"]
    assert list(record["first_reading"]) == ["cellar"]
    device = real.get(f"/v1/iot/devices/{real.device_id}")
    assert device["name"] == "Cellar"
    assert device["is_online"] is True
    profiles = real.get("/v1/iot/profiles")["profiles"]
    assert [item["reporting_interval_seconds"] for item in profiles] == [1]
    real.wait_until_reporting()

    # The same command again: nothing new anywhere, and the board reports again.
    again = real.provision("--sensor", "simulated:key=cellar", "--log-level", "D")
    ok(again)
    assert "everything is there already" in again.stderr
    assert "its login stays" in again.stderr
    assert real.devices() == [real.device_id]
    assert len(real.get("/v1/iot/profiles")["profiles"]) == 1
    real.wait_until_reporting()

    # Code only.
    copied = ok(real.run("deploy", "--port", real.board["port"], "--json"))
    assert copied["copied"] == []
    real.wait_until_reporting()


def test_no_secret_is_left_anywhere(real):
    done = real.provision()
    ok(done)
    body = real.mpremote("exec", "print(open('/identity.0', 'rb').read()[10:-4].decode())")
    password = json.loads(body)["password"]
    assert len(password) > 10
    journal = "".join(path.read_text() for path in (real.folder / "home").rglob("*.json"))
    for secret in (password, real.key, "ways-sandbox-password"):
        assert secret not in done.stdout + done.stderr
        assert secret not in journal
    assert list((real.folder / "home" / "tmp").iterdir()) == []
    # The API key is the account's: it is nowhere on the board.
    for path in Path(real.board["dir"]).rglob("*"):
        if path.is_file():
            assert real.key.encode() not in path.read_bytes(), path
    assert {path.stat().st_mode & 0o077 for path in (real.folder / "home").rglob("*")} == {0}


def test_wrong_wifi_password_is_named_and_the_same_command_finishes(deployed):
    deployed.give_wifi([{"ssid": "ways-sandbox", "password": "not-the-password"}])
    done = deployed.provision()
    fails(
        done, 3, "waiting for the first reading", "wrong password for ways-sandbox", "Wi-Fi file"
    )
    assert "not-the-password" not in done.stderr
    deployed.give_wifi([{"ssid": "ways-sandbox", "password": "ways-sandbox-password"}])
    ok(deployed.provision())
    assert deployed.devices() == [deployed.device_id]


def test_stray_files_are_named_with_the_command_that_removes_them(real):
    stray = real.folder / "stray.py"
    stray.write_text("raise SystemExit\n")
    real.mpremote("mkdir", ":/lib", "+", "mkdir", ":/lib/umqtt")
    names = ["asyncio.py", "ssl.py", "lib/umqtt/simple.py"]
    for name in names:
        real.mpremote("cp", str(stray), f":/{name}")
    removed = []
    for _ in names:
        done = real.provision()
        fails(done, 3, "on the board hides a module that the agent needs", "mpremote connect")
        words = done.stderr.strip().splitlines()[-1].split("mpremote connect ")[1].split()
        assert words[0] == real.board["port"]
        removed.append(words[-1])
        real.mpremote(*words[1:])
    assert sorted(removed) == [":/asyncio.py", ":/lib/umqtt", ":/ssl.py"]
    assert real.devices() == []
    ok(real.provision())


def test_full_flash_is_told_before_anything_is_registered(shared_sandbox, tmp_path):
    with world(tmp_path, "--flash-kb", "128", at=shared_sandbox) as real:
        fails(real.provision(), 3, "flash is full", "kB are needed")
        assert real.devices() == []


def test_taken_port_is_told(real):
    holder = serialport.open_port(real.board["port"])
    try:
        fails(real.provision(), 3, f"{real.board['port']} is taken")
    finally:
        serialport.close_port(holder)
    assert real.devices() == []


def test_settings_are_judged_by_the_device_before_it_is_registered(deployed):
    fails(deployed.provision("--set", "window=99"), 3, "window: 99 is not in 1..64")
    fails(deployed.provision("--set", "no_such=1"), 2, "--set no_such")
    fails(deployed.provision("--sensor", "dht99:pin=4"), 3, "dht99")
    fails(deployed.provision("--sensor", "adc:pin=34,colour=red"), 3, "colour")
    assert deployed.devices() == []


def test_unknown_profile_is_told(real):
    fails(real.provision("--profile", "none"), 4, "--profile none", "there is none")
    assert real.devices() == []


def test_damaged_settings_are_put_right_and_a_lost_identity_is_told(deployed):
    ok(deployed.provision())
    bad = deployed.folder / "bad"
    bad.write_text('{"rev": 1, ')
    deployed.mpremote("cp", str(bad), ":/config.json")
    deployed.mpremote("cp", str(bad), ":/identity.0")
    # One copy is lost, the other still says who the board is.
    ok(deployed.provision())
    deployed.mpremote("cp", str(bad), ":/identity.0")
    deployed.mpremote(
        "exec", "import esp32; n = esp32.NVS('ways'); n.set_blob('id0', b'x'); n.commit()"
    )
    fails(deployed.provision(), 4, "its password is neither on this board nor on this computer")
    deployed.api.delete(f"/v1/iot/devices/{deployed.device_id}").raise_for_status()
    ok(deployed.provision())


@pytest.mark.parametrize(
    ("board", "after"),
    [
        ("real", "copying to the board"),
        ("deployed", "registering"),
        ("deployed", "starting the board"),
    ],
)
def test_killed_after_any_step_the_same_command_finishes(request, board, after):
    real = request.getfixturevalue(board)
    with subprocess.Popen(
        [*COMMAND, *real.arguments()], env=real.environment, stderr=subprocess.PIPE, text=True
    ) as child:
        for line in child.stderr:
            if line.startswith(after):
                child.kill()
                break
        child.stderr.read()
        assert child.wait(10) == -9
    record = ok(real.provision())
    assert real.devices() == [record["device_id"]]
    journal = "".join(path.read_text() for path in (real.folder / "home").rglob("*.json"))
    assert '"done"' in journal
    assert "mqtt_password" not in journal
    assert '"password"' not in journal
    real.wait_until_reporting()


def test_board_that_loses_power_on_the_way_is_finished_by_the_same_command(real):
    with subprocess.Popen(
        [*COMMAND, *real.arguments()], env=real.environment, stderr=subprocess.PIPE, text=True
    ) as child:
        for line in child.stderr:
            if line.startswith("looking at the board"):
                real.control({"power": "cut"})
                break
        rest = child.stderr.read()
        assert child.wait(90) == 3, rest
    assert rest.strip().splitlines()[-1].startswith("ways-device: ")
    real.control({"power": "on"})
    ok(real.provision())
    assert real.devices() == [real.device_id]
