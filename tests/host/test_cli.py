"""The command itself: what it says, where, and with which exit status."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager

import pytest
from certificates import Authority
from fakeplatform import KEY, FakePlatform
from fakerepl import port, silent

from ways_device import cli, context
from ways_device.errors import BoardError, ToolError, UsageError


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A user's computer: own folder, no key anywhere, a Wi-Fi file, a sandbox's info file."""
    for name in ("WAYSCLOUD_API_KEY", "WAYSCLOUD_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.setenv("WAYS_DEVICE_HOME", str(tmp_path / "home"))
    (tmp_path / "wifi.json").write_text('[{"ssid": "lab", "password": "wifi-canary"}]')
    (tmp_path / "wifi.json").chmod(0o600)
    (tmp_path / "key").write_text(KEY)
    (tmp_path / "key").chmod(0o600)
    return tmp_path


@contextmanager
def sandbox(world, fake):
    with fake.served() as url:
        yield info_file(world, url)


def info_file(world, url):
    info = {
        "api_url": url,
        "api_key_file": str(world / "key"),
        "mqtt_host": "127.0.0.1",
        "mqtt_tls_port": 8883,
        "ca_file": str(world / "ca.pem"),
        "pid": 1,
    }
    (world / "sandbox.json").write_text(json.dumps(info))
    return str(world / "sandbox.json")


def provision(world, *arguments):
    return cli.run(
        ["provision", "--name", "Device", "--wifi-file", str(world / "wifi.json"), *arguments]
    )


def said(capsys):
    """Return the one line on stderr that begins with the command's name."""
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "ways-device: " in line]
    return line


def test_bare_command_shows_what_to_do_next(capsys):
    assert cli.run([]) == 0
    out = capsys.readouterr().out
    for command in ("sandbox start", "vboard start", "provision", "deploy"):
        assert f"ways-device {command}" in out


def test_help_lists_every_command(capsys):
    assert cli.run(["--help"]) == 0
    out = capsys.readouterr().out
    for command in ("provision", "deploy", "sandbox", "vboard"):
        assert command in out


def test_version(capsys):
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("ways-device 0")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["fly"], "fly"),
        (["provision"], "--name"),
        (["provision", "--name", "Device", "--speed", "9"], "--speed"),
        (["provision", "--name", "Device", "--interval", "often"], "--interval"),
    ],
)
def test_wrong_call_is_one_line_and_status_2(capsys, arguments, text):
    assert cli.run(arguments) == 2
    assert text in said(capsys)


def test_installed_command_and_module_are_the_same():
    for command in (["-m", "ways_device.cli"], ["-c", "from ways_device.cli import main; main()"]):
        done = subprocess.run(
            [sys.executable, *command, "provision"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.startswith("ways-device: ")
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UsageError("u"), 2),
        (BoardError("b"), 3),
        (ToolError("t"), 1),
        (KeyboardInterrupt(), 130),
        (RuntimeError(f"bug {KEY}"), 1),
    ],
)
def test_each_failure_has_its_status_and_no_traceback(monkeypatch, capsys, error, status):
    def fail(port):
        raise error

    monkeypatch.setattr(context, "open_board", fail)
    assert cli.run(["deploy"]) == status
    line = said(capsys)
    assert "Traceback" not in line
    assert KEY not in line


def test_debugging_shows_the_traceback_without_keys(monkeypatch, capsys):
    def fail(port):
        raise RuntimeError(f"bug {KEY}")

    monkeypatch.setattr(context, "open_board", fail)
    monkeypatch.setenv("WAYS_DEVICE_DEBUG", "1")
    cli.run(["deploy"])
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert KEY not in err


# Bad input: one line with the remedy, and nothing asked of the platform that changes it.


def test_profile_and_interval_together_are_refused_before_anything(world, capsys):
    fake = FakePlatform()
    with sandbox(world, fake) as info:
        status = provision(world, "--sandbox", info, "--profile", "a", "--interval", "5")
    assert status == 2
    assert "--profile and --interval" in said(capsys)
    assert fake.requests == []


def test_missing_key_is_told(world, capsys):
    assert provision(world, "--port", "/dev/null") == 2
    assert "no API key: give --api-key-file FILE (mode 0600) or set WAYSCLOUD_API_KEY" in said(
        capsys
    )


def test_wrong_key_is_told(world, capsys):
    (world / "key").write_text("wayscloud_iot_wrong_key")
    fake = FakePlatform()
    with sandbox(world, fake) as info:
        assert provision(world, "--sandbox", info, "--port", "/dev/null") == 4
    line = said(capsys)
    assert "asking the platform: the platform refused the API key" in line
    assert "wrong_key" not in line
    assert len(fake.requests) == 1


def test_key_file_that_others_can_read_is_told(world, capsys):
    (world / "key").chmod(0o644)
    assert (
        provision(world, "--sandbox", info_file(world, "http://127.0.0.1:1"), "--port", "x") == 2
    )
    assert "chmod 600" in said(capsys)


def test_unreachable_api_is_told(world, capsys, monkeypatch):
    monkeypatch.setattr("ways_device.api.client._WAIT_BASE_S", 0.01)
    info = info_file(world, "http://127.0.0.1:1")
    assert provision(world, "--sandbox", info, "--port", "/dev/null") == 4
    assert "cannot reach the API at http://127.0.0.1:1" in said(capsys)


def test_http_without_a_sandbox_is_refused(world, capsys):
    assert provision(world, "--api-url", "http://127.0.0.1:1") == 2
    assert "use https" in said(capsys)


def test_http_to_another_computer_is_refused_even_as_a_sandbox(world, capsys):
    info = info_file(world, "http://192.0.2.1:8490")
    assert provision(world, "--sandbox", info) == 2
    assert "a sandbox's API is on this machine" in said(capsys)


@pytest.mark.parametrize("text", [None, "", "[]", '{"api_url": 1}', "{}"])
def test_info_file_that_is_none_tells_how_to_get_one(world, capsys, text):
    path = world / "none.json"
    if text is not None:
        path.write_text(text)
    assert provision(world, "--sandbox", str(path)) == 2
    assert f"ways-device sandbox start --info-file {path}" in said(capsys)


def test_missing_wifi_without_a_terminal_is_told(world, capsys):
    info = info_file(world, "http://127.0.0.1:1")
    arguments = ["provision", "--name", "Device", "--sandbox", info, "--port", "/dev/null"]
    assert cli.run(arguments) == 2
    assert "no Wi-Fi network: give --wifi-file FILE" in said(capsys)


def test_port_that_is_no_board_is_told_before_anything_is_registered(world, capsys, monkeypatch):
    monkeypatch.setattr("ways_device.boardlink._GREETING_S", 0.5)
    (world / "ca.pem").write_bytes(Authority().pem)
    fake = FakePlatform()
    with sandbox(world, fake) as info, port(silent) as path:
        assert provision(world, "--sandbox", info, "--port", path) == 3
    assert f"looking at the board: {path} is silent" in said(capsys)
    assert {method for method, _ in fake.requests} == {"GET"}


def test_ctrl_c_is_one_clean_line(world):
    """The real process, a real signal, a port that never answers."""
    fake = FakePlatform()
    (world / "ca.pem").write_bytes(Authority().pem)
    command = [sys.executable, "-m", "ways_device.cli", "provision", "--name", "Device"]
    with sandbox(world, fake) as info, port(silent) as path:
        arguments = ["--wifi-file", str(world / "wifi.json"), "--sandbox", info, "--port", path]
        with subprocess.Popen(
            [*command, *arguments], stderr=subprocess.PIPE, text=True, env=dict(os.environ)
        ) as child:
            for line in child.stderr:
                if line.startswith("compiling"):
                    child.send_signal(2)
                    break
            rest = child.stderr.read()
            assert child.wait(20) == 130
    assert rest.strip().startswith("ways-device: interrupted")
    assert rest.count("\n") == 1
