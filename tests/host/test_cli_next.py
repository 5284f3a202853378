"""`ways-device` alone: it sees what is here, asks no network, and names the one next command."""

import json
import os
import shlex
import socket
import subprocess

import pytest
import typer

from ways_device import cli
from ways_device.commands import next_step

REAL = "https://api.wayscloud.services"
SANDBOX = "http://127.0.0.1:8490"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty folder, a user without anything."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("WAYS_DEVICE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(next_step, "_usb_ports", list)
    return folder


def put_sandbox(folder, pid=None, name="sandbox.json"):
    info = {"api_url": SANDBOX, "mqtt_tls_port": 1, "pid": pid or os.getpid()}
    (folder / name).write_text(json.dumps(info))


def put_board(folder, pid=None):
    info = {"port": "/dev/pts/7", "unique_id": "aa", "pid": pid or os.getpid()}
    (folder / "board.json").write_text(json.dumps(info))


def put_entry(folder, state, origin=REAL, device_id="esp32-aa"):
    (folder.parent / "home" / "journal").mkdir(parents=True, exist_ok=True)
    entry = {"version": 1, "origin": origin, "device_id": device_id, "state": state}
    path = folder.parent / "home" / "journal" / f"{device_id}.x.json"
    path.write_text(json.dumps({**entry, "credentials": {"password": "mqtt-canary"}}))


def put_probe(folder, origin=SANDBOX):
    (folder.parent / "home" / "probe").mkdir(parents=True)
    document = {"version": 1, "origin": origin, "made": [{"kind": "device", "name": "x"}]}
    (folder.parent / "home" / "probe" / "x.json").write_text(json.dumps(document))


def told(capsys):
    """Return (everything that was said, the one next command)."""
    assert cli.run([]) == 0
    out = capsys.readouterr().out
    (part,) = [part for part in out.split("\n\n") if part.startswith("Next (")]
    return out, " ".join(part.split("\n", 1)[1].replace("\\\n", " ").split())


def parses(command):
    """Let the parser read the words of a command; nothing is run."""
    _, name, *rest = shlex.split(command)
    found = typer.main.get_command(cli.app).commands[name]
    if hasattr(found, "commands"):
        name = rest.pop(0)
        found = found.commands[name]
    found.make_context(name, rest)
    return True


def test_nothing_here_leads_to_the_demo(capsys):
    out, command = told(capsys)
    assert command == "ways-device demo"
    assert "no board on USB" in out


def test_a_sandbox_leads_to_a_board(here, capsys):
    put_sandbox(here)
    out, command = told(capsys)
    assert command == "ways-device vboard start --info-file board.json"
    assert "a sandbox runs" in out


def test_a_board_leads_to_provisioning_it(monkeypatch, capsys):
    monkeypatch.setattr(next_step, "_usb_ports", lambda: ["/dev/ttyUSB0"])
    _, command = told(capsys)
    assert command == ("ways-device provision --name NAME --wifi-file FILE --port /dev/ttyUSB0")
    assert parses(command)


def test_a_board_and_a_sandbox_lead_to_provisioning_it_there(here, capsys):
    put_sandbox(here, name="my sandbox.json")
    put_board(here)
    _, command = told(capsys)
    assert command == (
        "ways-device provision --name NAME --wifi-file FILE --sandbox 'my sandbox.json' "
        "--port /dev/pts/7"
    )
    assert parses(command)


def test_what_was_begun_comes_first(here, capsys):
    put_sandbox(here)
    put_board(here)
    put_entry(here, "written", SANDBOX)
    out, command = told(capsys)
    assert command == (
        "ways-device provision --name NAME --device-id esp32-aa --sandbox sandbox.json "
        "--port /dev/pts/7"
    )
    assert "esp32-aa (written)" in out
    assert "mqtt-canary" not in out
    assert parses(command)


@pytest.mark.parametrize(
    ("origin", "option"),
    [
        (REAL, ""),
        ("https://other.test", " --api-url https://other.test"),
        (SANDBOX, " --sandbox INFO"),
    ],
)
def test_the_platform_is_the_one_where_it_was_begun(here, capsys, origin, option):
    put_entry(here, "registered", origin)
    _, command = told(capsys)
    assert command == f"ways-device provision --name NAME --device-id esp32-aa{option}"


def test_what_is_done_is_no_reason_to_go_on(here, capsys):
    put_entry(here, "done")
    assert told(capsys)[1] == "ways-device demo"


def test_a_broken_off_probe_leads_to_the_probe(here, capsys):
    put_sandbox(here)
    put_probe(here)
    out, command = told(capsys)
    assert command == "ways-device probe --sandbox sandbox.json"
    assert "a probe was broken off" in out


def test_programs_that_ended_without_a_word_are_not_here(here, capsys):
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    put_sandbox(here, ended.pid)
    put_board(here, ended.pid)
    assert told(capsys)[1] == "ways-device demo"


@pytest.mark.parametrize("text", ["", "[]", "7", "{", '{"pid": "x"}', "[" * 4000, "\x00"])
def test_other_files_in_the_folder_are_no_matter(here, capsys, text):
    (here / "other.json").write_text(text)
    (here / "folder.json").mkdir()
    (here / "large.json").write_text(json.dumps({"api_url": "x" * 5000, "pid": 1}))
    assert told(capsys)[1] == "ways-device demo"


def test_it_asks_no_network_and_no_board(here, monkeypatch, capsys):
    put_sandbox(here)
    put_board(here)

    def refuse(*_):
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr("ways_device.serialport.Serial", refuse)
    assert "provision" in told(capsys)[1]


def test_no_line_is_over_80_columns_and_nothing_steers_the_terminal(here, capsys):
    info = {"port": "/dev/x\x1b[2J;rm -rf", "unique_id": "aa", "pid": os.getpid()}
    (here / "board.json").write_text(json.dumps(info))
    put_sandbox(here)
    put_entry(here, "written", "https://a-rather-long-name.of-a-platform.test", "a" * 60)
    out, command = told(capsys)
    assert [line for line in out.splitlines() if len(line) > 80] == []
    assert "\x1b" not in out
    assert "--port '/dev/x;rm -rf'" in command
