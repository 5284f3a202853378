"""`ways-device command` and `profile` against a real sandbox, with a device that answers."""

import json
import re
import threading

import pytest
from downlink_rig import apply, config, devices, heard, say
from sandbox_rig import eventually, running

from ways_device import cli

CANARY = "canary-of-the-attic"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with running(tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox


@pytest.fixture
def device_id(request):
    return re.sub(r"\W", "-", request.node.name)[-64:]


@pytest.fixture
def device(sandbox, device_id):
    with devices() as connect:
        yield connect(sandbox, sandbox.register(device_id))


@pytest.fixture
def command(sandbox, device_id, capsys):
    """A function that runs the command; it returns its status and what it printed."""

    def command(*words):
        status = cli.run(["command", device_id, *words, "--sandbox", str(sandbox.info_file)])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return status, printed.out, printed.err

    return command


@pytest.fixture
def answering(device):
    """Have the device answer the next command with these states; the last one gets more."""
    threads = []

    def answer(states, more):
        (document,) = eventually(lambda: heard(device, "commands"))
        for state in states:
            said = {"id": document["id"], "state": state}
            say(device, "command_result", {**said, **(more if state == states[-1] else {})})

    def answering(*states, **more):
        threads.append(threading.Thread(target=answer, args=(states, more)))
        threads[-1].start()

    yield answering
    for thread in threads:
        thread.join()


def test_a_command_that_is_done_is_status_0_with_its_result(device, answering, command):
    answering("accepted", "done", result={"temperature": 21.5, "door": True})
    status, out, err = command("read_now", "fast=true", "label=two words", "n=3", "s=007")
    assert (status, out) == (0, "read_now: done\ndoor=true\ntemperature=21.5\n")
    assert "waiting for" in err
    args = heard(device, "commands")[0]["args"]
    assert args == {"fast": True, "label": "two words", "n": 3, "s": "007"}


def test_lines_of_a_result_come_as_lines_that_steer_no_terminal(answering, command):
    answering("done", result=["1 I agent x", "2 W \x1b[31mwifi y", 3])
    assert command("get_logs")[1] == "get_logs: done\n1 I agent x\n2 W wifi y\n3\n"


@pytest.mark.parametrize(
    ("states", "said"),
    [(("refused",), "the device refused it: busy"), (("accepted", "interrupted"), "not finished")],
)
def test_what_is_not_done_is_status_1_with_the_reason(answering, command, states, said):
    answering(*states, reason="busy")
    status, out, err = command("reboot")
    assert (status, out) == (1, "")
    assert said in err.splitlines()[-1] and "busy" in err.splitlines()[-1]


def test_json_is_the_record_whatever_became_of_it(answering, command):
    answering("refused", reason="unknown")
    status, out, _ = command("fly", "--json")
    record = json.loads(out)
    assert (status, record["state"], record["reason"]) == (1, "refused", "unknown")


def test_silence_is_status_1_and_says_what_that_means(device, command):
    status, out, err = command("identify", "--wait", "0.3")
    assert (status, out) == (1, "") and "no answer yet; it waits for the device" in err
    status, _, err = command("identify", "--expires", "1", "--wait", "30")
    assert status == 1 and "did not answer in time" in err
    status, out, _ = command("identify", "--wait", "0")
    assert status == 0 and "no answer yet" in out


def test_a_device_that_is_not_there_is_told_apart_from_one_that_is_silent(
    sandbox, device_id, command
):
    status, _, err = command("identify")
    assert status == 4 and f"Device {device_id} not found" in err
    sandbox.register(device_id)
    assert "is not connected" in command("identify", "--wait", "0.1")[2]


def test_a_password_comes_from_a_file_and_is_printed_nowhere(
    tmp_path, sandbox, device, answering, command
):
    file = tmp_path / "password"
    file.write_text(CANARY + "\n")
    file.chmod(0o600)
    answering("accepted", "done", result={"networks": 2})
    # A name that looks like a number stays one.
    words = ("add_wifi", "ssid=12345", "priority=2", "--password-file", str(file))
    status, out, err = command(*words, "--json")
    sent = {"ssid": "12345", "password": CANARY, "priority": 2}
    assert (status, heard(device, "commands")[0]["args"]) == (0, sent)
    assert json.loads(out)["args"] == {**sent, "password": "***"}
    assert CANARY not in out + err + sandbox.log_file.read_text()


@pytest.mark.parametrize(
    "words",
    [
        ("add_wifi", "ssid=x", f"password={CANARY}"),
        ("add_wifi", "ssid=x", f"Psk={CANARY}"),
        ("other", f'more=[{{"wifi_password": "{CANARY}"}}]'),
        ("add_wifi", "ssid=x", CANARY),
        ("add_wifi", "ssid=x"),
        ("add_wifi", "--open"),
        ("add_wifi", "ssid=x", "priority=high", "--open"),
        ("identify", "--open"),
        ("identify", "--password-file", "x"),
        ("identify", "--expires", "0"),
    ],
)
def test_a_call_that_is_wrong_is_status_2_and_sends_nothing(
    sandbox, device, device_id, command, words
):
    status, out, err = command(*words)
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1 and CANARY not in err
    assert sandbox.get(f"/sandbox/devices/{device_id}/commands")["total"] == 0


def test_without_a_sandbox_it_says_that_the_platform_has_no_such_call(capsys):
    assert cli.run(["command", "d", "identify"]) == 2
    assert "the platform's reference has no call for commands" in capsys.readouterr().err


@pytest.fixture
def profile(sandbox, capsys):
    def profile(*words):
        status = cli.run(["profile", *words, "--sandbox", str(sandbox.info_file), "--json"])
        printed = capsys.readouterr()
        return json.loads(printed.out) if status == 0 else (status, printed.err)

    return profile


def test_a_profile_is_shown_applied_and_set_and_the_device_is_told(
    sandbox, device, device_id, profile
):
    body = {
        "name": f"Of {device_id}",
        "description": "kept",
        "reporting_interval_seconds": 60,
        "expected_topics": ["devices/+/telemetry"],
        "metadata": {"room": "attic"},
    }
    profile_id = sandbox.post("/profiles", body)["id"]
    rows = profile("show")
    assert {"id": profile_id, "name": body["name"], "interval_s": 60} in rows
    shown = profile("show", profile_id)
    assert shown == profile("show", body["name"])
    assert (shown["interval_s"], shown["topics"]) == (60, ["devices/+/telemetry"])

    assert profile("apply", body["name"], device_id, "--dry-run")["dry_run"] is True
    assert config(sandbox, device_id)["rev"] == 0
    assert profile("apply", body["name"], device_id)["device"] == device_id
    eventually(lambda: [one["interval_s"] for one in heard(device, "config")], [60])

    assert profile("set", profile_id, "--interval", "5", "--dry-run")["interval_s"] == 5
    assert config(sandbox, device_id)["rev"] == 1
    assert profile("set", profile_id, "--interval", "5")["interval_s"] == 5
    eventually(lambda: [one["interval_s"] for one in heard(device, "config")], [60, 5])
    after = sandbox.get(f"/profiles/{profile_id}")
    assert {key: after[key] for key in body} == {**body, "reporting_interval_seconds": 5}


def test_a_profile_that_is_not_there_or_not_one_is_told(sandbox, device_id, profile):
    status, err = profile("apply", "None of these", "d")
    assert status == 4 and "None of these" in err
    apply(sandbox, sandbox.register(device_id)[0])
    status, err = profile("apply", device_id, "nobody")
    assert status == 4 and "no device nobody" in err
    sandbox.post("/profiles", {"name": device_id})
    status, err = profile("show", device_id)
    assert status == 2 and "2 profiles have this name" in err
