"""The doctor for real: mpremote, a virtual board, a sandbox with its broker, planted troubles."""

import functools
import json
import os
import signal
import subprocess
import time

import pytest
from certificates import Authority
from codedflash import coded_world
from realparts import COMMAND
from timeserver import name_server, time_server

from ways_device import context
from ways_device.deploy import compile_code
from ways_device.devicelog import Listener
from ways_device.doctor import command
from ways_device.doctor.command import Doctor
from ways_device.resources import device_source
from ways_device.talk import Talk

DEAD = "127.0.0.1:9"
WIFI_OFF = {"ssid": "elsewhere", "password": "another-password"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with (
        pytest.MonkeyPatch.context() as patch,
        time_server() as clock,
        coded_world(tmp_path_factory.mktemp("doctor")) as made,
    ):
        # Most examinations here run in this process, where the agent is packed once.
        patch.setenv("WAYS_DEVICE_HOME", made.environment["WAYS_DEVICE_HOME"])
        patch.setattr(command, "compile_code", functools.cache(compile_code))
        # A connection that is kept would end between two questions.
        made.api.headers["Connection"] = "close"
        made.ntp_hosts = [clock]
        made.is_whole = False
        yield made


@pytest.fixture
def real(shared):
    """A board that is as it should be; whatever a test did to it before is put right."""
    shared.control({"wlan": {"ssid": "ways-sandbox", "password": "ways-sandbox-password"}})
    if not shared.is_whole:
        provision(shared)
    put(shared, {})
    shared.is_whole = True
    return shared


def provision(real):
    done = real.provision("--set", f"ntp_hosts={json.dumps(real.ntp_hosts)}")
    assert done.returncode == 0, done.stderr
    real.good_config = json.loads(real.mpremote("cat", ":/config.json"))


def words(real):
    info = str(real.folder / "sandbox" / "info.json")
    return ["doctor", "--port", real.board["port"], "--sandbox", info]


def examine(real, is_well=True):
    """Return {check: [finding, ...]} of an examination that must come out so."""
    where = context.place(real.folder / "sandbox" / "info.json", None, None)
    report = Doctor(where, device_source(), Talk(), lambda finding: None).run(real.board["port"])
    assert (report.problems == 0) == is_well, report.findings
    found = {}
    for finding in report.findings:
        for secret in ("ways-sandbox-password", real.key, "not-the-password"):
            assert secret not in str(finding)
        found.setdefault(finding.check, []).append(finding.as_json())
    return found


def problems(found):
    every = [finding for findings in found.values() for finding in findings]
    return {one["check"]: one for one in every if one["verdict"] == "problem"}


def only(found, check, *parts):
    """Check that this is the one problem, with these words and something to do."""
    assert set(problems(found)) == {check}, problems(found)
    told = problems(found)[check]
    for part in parts:
        assert part in told["detail"] + " -> " + told["todo"], told
    assert told["todo"]


def put(real, config):
    """Give the board other settings behind everybody's back."""
    path = real.folder / "config.json"
    path.write_text(json.dumps({**real.good_config, **config}))
    real.mpremote("cp", str(path), ":/config.json")


def test_healthy_board_has_no_finding_and_reports_on(real):
    real.control({"power": "cut"})
    real.control({"power": "on"})
    real.wait_until_reporting()
    found = examine(real)
    assert problems(found) == {}
    warnings = [one for all_ in found.values() for one in all_ if one["verdict"] == "warning"]
    assert warnings == []
    expected = {
        *("Python", "mpremote", "API key", "API", "clock", "port", "MicroPython", "last reset"),
        *("flash", "agent", "stray files", "settings", "identity", "CA", "readings", "Wi-Fi"),
        *("time", "TLS", "login", "topics", "publish", "device", "profile"),
    }
    assert set(found) == expected
    assert "came back" in found["publish"][0]["detail"]
    # What the broker holds for the agent is still there afterwards.
    assert "kept its session" in found["login"][0]["detail"]
    # The examination itself begins with soft resets.
    assert found["last reset"][0]["detail"] == "it was switched on"
    real.wait_until_reporting()


def test_command_tells_the_same_to_people_and_to_programs(real):
    done = real.run(*words(real))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1] == "no problem found"
    assert max(len(line) for line in lines if "/" not in line) <= 80
    assert all(line.startswith(("ok  ", " ")) for line in lines[:-1])
    put(real, {"mqtt_port": 9})
    done = real.run(*words(real), "--json")
    assert done.returncode == 1, done.stderr
    told = json.loads(done.stdout)
    assert told["problems"] == 1
    assert {"verdict", "place", "check", "detail", "todo"} == set(told["findings"][0])
    assert real.key not in done.stdout + done.stderr


def test_wrong_wifi_password_is_named_and_the_agent_runs_again(real):
    real.control({"wlan": {"ssid": "ways-sandbox", "password": "changed-meanwhile"}})
    only(examine(real, False), "Wi-Fi", "ways-sandbox: wrong password", "ways-device wifi add")
    real.control({"wlan": {"ssid": "ways-sandbox", "password": "ways-sandbox-password"}})
    real.wait_until_reporting()


def test_network_that_is_not_there_is_named(real):
    real.control({"wlan": WIFI_OFF})
    only(examine(real, False), "Wi-Fi", "ways-sandbox: no such network in reach")


def test_names_that_nobody_looks_up_are_named(real):
    put(real, {"dns_servers": [DEAD], "mqtt_host": "broker.test"})
    only(examine(real, False), "DNS", "broker.test", DEAD, "dns_servers")
    with name_server(known=("time.test",)) as server:
        put(real, {"dns_servers": [server], "mqtt_host": "broker.test"})
        only(examine(real, False), "DNS", "broker.test: no such name")


def test_names_of_time_servers_are_looked_up_too(real):
    port = real.ntp_hosts[0].rpartition(":")[2]
    put(real, {"dns_servers": [DEAD], "ntp_hosts": ["time.test"]})
    only(examine(real, False), "DNS", "time servers: time.test")
    with name_server(known=("time.test",)) as server:
        put(real, {"dns_servers": [server], "ntp_hosts": [f"time.test:{port}"]})
        assert problems(examine(real)) == {}


def test_network_without_a_time_server_is_a_warning_while_the_clock_is_right(real):
    put(real, {"ntp_hosts": [DEAD]})
    found = examine(real)
    assert found["time"][0]["verdict"] == "warning"
    assert "no time server tells it" in found["time"][0]["detail"]


def test_certificate_authority_that_the_board_does_not_know_is_named(real):
    real.is_whole = False
    ca_file = real.folder / "other.pem"
    ca_file.write_bytes(Authority("Other").pem)
    ntp = f"ntp_hosts={json.dumps(real.ntp_hosts)}"
    done = real.provision("--ca-file", str(ca_file), "--set", ntp)
    assert done.returncode == 3
    found = examine(real, False)
    assert found["CA"][0]["verdict"] == "warning"
    assert "expires on" in found["CA"][0]["detail"]
    only(found, "TLS", "of another authority", "--ca-file FILE")


def test_broker_that_is_not_there_is_named(real):
    put(real, {"mqtt_port": 9})
    only(examine(real, False), "TLS", "nothing answers at the broker's port", "config show")


def test_wrong_login_is_named(real):
    real.is_whole = False
    body = real.mpremote("exec", "print(open('/identity.0', 'rb').read()[10:-4].decode())")
    changed = {**json.loads(body), "password": "not-the-password"}
    path = real.folder / "identity.new"
    path.write_text(json.dumps(changed))
    real.mpremote("cp", str(path), ":/identity.new")
    real.mpremote("exec", "from firmware import setup; setup.install_identity('/identity.new')")
    path.unlink()
    only(examine(real, False), "login", "the broker refuses the device", "replace")
    # The device has to be made anew: nobody knows its password.
    real.api.delete(f"/v1/iot/devices/{real.device_id}").raise_for_status()


def test_device_that_was_deleted_is_named(real):
    real.is_whole = False
    real.api.delete(f"/v1/iot/devices/{real.device_id}").raise_for_status()
    found = examine(real, False)
    assert set(problems(found)) == {"login", "device"}
    assert "it was deleted" in problems(found)["device"]["detail"]
    assert "ways-device provision" in problems(found)["device"]["todo"]


def test_inactive_device_is_named(real):
    path = f"/v1/iot/devices/{real.device_id}"
    real.api.patch(path, json={"is_active": False}).raise_for_status()
    try:
        found = examine(real, False)
        assert set(problems(found)) == {"login", "device"}
        assert "inactive" in problems(found)["device"]["detail"]
    finally:
        real.api.patch(path, json={"is_active": True}).raise_for_status()


def test_board_that_does_not_do_what_its_profile_expects_is_named(real):
    real.is_whole = False
    put(real, {"interval_s": 7})
    only(examine(real, False), "profile", "every 7 s", "no profile of the account", "provision")
    # Where the device's data name its profile, the difference to that one is told.
    profile = real.get("/v1/iot/profiles")["profiles"][0]
    path = f"/v1/iot/devices/{real.device_id}"
    metadata = {**real.get(path)["metadata"], "profile": profile["id"]}
    real.api.patch(path, json={"metadata": metadata}).raise_for_status()
    only(examine(real, False), "profile", "every 7 s, the profile expects 1 s")


def test_stray_and_damaged_files_are_named(real):
    real.is_whole = False
    stray = real.folder / "stray.py"
    stray.write_text("raise SystemExit\n")
    real.mpremote("cp", str(stray), ":/asyncio.py")
    real.mpremote("cp", str(stray), ":/lib/firmware/config.mpy")
    found = examine(real, False)
    assert set(problems(found)) == {"stray file", "agent"}
    command = problems(found)["stray file"]["todo"].split("mpremote connect ")[1].split()
    assert command[0] == real.board["port"]
    assert "/lib/firmware/config.mpy" in problems(found)["agent"]["detail"]
    assert found["settings"][0]["verdict"] == "warning"
    # The network is tried all the same: none of it needs the agent's code.
    assert found["publish"][0]["verdict"] == "ok"
    real.mpremote(*command[1:])


def test_settings_and_identity_that_are_unusable_are_named(real):
    real.is_whole = False
    bad = real.folder / "bad"
    bad.write_text('{"rev": 1, ')
    real.mpremote("cp", str(bad), ":/identity.0")
    found = examine(real)
    assert found["identity"][0]["verdict"] == "warning"
    assert "file 0" in found["identity"][0]["detail"]
    put(real, {"window": 99})
    only(examine(real, False), "settings", "window: 99 is not in 1..64")
    real.mpremote("cp", str(bad), ":/config.json")
    found = examine(real, False)
    assert set(problems(found)) == {"settings"}
    assert found["broker"][0]["verdict"] == "warning"


def test_interrupted_it_lets_the_board_go(real):
    put(real, {"dns_servers": [DEAD], "mqtt_host": "broker.test"})
    with subprocess.Popen(
        [*COMMAND, *words(real)], env=real.environment, stderr=subprocess.PIPE, text=True
    ) as child:
        for line in child.stderr:
            if line.startswith("examining the board"):
                os.kill(child.pid, signal.SIGINT)
                break
        rest = child.stderr.read()
        assert child.wait(60) == 130, rest
    assert "starting the agent again" in rest
    # It resets a moment after it was told to, and then starts its agent.
    with Listener(real.board["port"]) as listener:
        end_s = time.monotonic() + 30
        said = ""
        while "agent_started" not in said and time.monotonic() < end_s:
            said += "\n".join(listener.lines(0.3))
    assert "agent_started" in said
