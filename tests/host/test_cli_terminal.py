"""The command on a terminal and off it: colour, completion, and what steers terminals."""

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from contextlib import closing

import pytest
from fakeplatform import KEY, FakePlatform

from ways_device import cli, context
from ways_device.commands import output
from ways_device.commands.columns import aligned
from ways_device.errors import ToolError

COMMAND = [sys.executable, "-m", "ways_device.cli"]
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# Clear the screen, set the window's title, a bare C1 control, and text that turns round.
HOSTILE = "red\x1b[31m\x1b[2J\x1b]0;title\x07\x9b31m\u202eevil\nsecond line"


def environment(tmp_path, **more):
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return {**kept, "HOME": str(tmp_path), "WAYS_DEVICE_HOME": str(tmp_path / "home"), **more}


def on_a_terminal(arguments, env):
    """Return all that the command shows on a terminal, stdout and stderr alike."""
    leader, follower = pty.openpty()
    with closing(os.fdopen(leader, "rb", buffering=0)) as screen:
        child = subprocess.Popen(
            [*COMMAND, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=follower,
            stderr=follower,
            env={**env, "TERM": "xterm-256color"},
        )
        os.close(follower)
        shown = b""
        try:
            while part := screen.read(4096):
                shown += part
        except OSError:
            pass  # the last one to write has closed it
        child.wait(60)
    return shown.decode()


def off_a_terminal(arguments, env):
    done = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, env=env, timeout=60, check=False
    )
    return done.stdout + done.stderr


# One that shows a spinner while it works, one that only prints.
@pytest.mark.parametrize("arguments", [["deploy", "--port", "/dev/null"], ["--help"], []])
def test_no_colour_off_a_terminal_and_none_with_no_color(arguments, tmp_path):
    env = environment(tmp_path)
    assert "\x1b" not in off_a_terminal(arguments, env)
    assert not COLOUR.findall(on_a_terminal(arguments, {**env, "NO_COLOR": "1"}))


def test_a_terminal_sees_the_work_in_colour(tmp_path):
    program = (
        "import time\nfrom ways_device.talk import Talk\nwith Talk().step('x'): time.sleep(1)"
    )
    whole = [sys.executable, "-c", program]
    assert COLOUR.findall(shown_by(whole, environment(tmp_path)))
    assert not COLOUR.findall(shown_by(whole, environment(tmp_path, NO_COLOR="1")))


def shown_by(command, env):
    before = COMMAND[:]
    try:
        COMMAND[:] = command
        return on_a_terminal([], env)
    finally:
        COMMAND[:] = before


# What steers a terminal.


@pytest.fixture
def platform(tmp_path, monkeypatch):
    monkeypatch.setenv("WAYS_DEVICE_HOME", str(tmp_path / "home"))
    (tmp_path / "key").write_text(KEY)
    (tmp_path / "key").chmod(0o600)
    fake = FakePlatform()
    with fake.served() as url:
        info = {"api_url": url, "api_key_file": str(tmp_path / "key"), "mqtt_host": "127.0.0.1"}
        info |= {"mqtt_tls_port": 1, "ca_file": str(tmp_path / "ca.pem"), "pid": 1}
        (tmp_path / "sandbox.json").write_text(json.dumps(info))
        fake.info = str(tmp_path / "sandbox.json")
        yield fake


def clean(text):
    return not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", text)


def test_answer_of_the_platform_cannot_steer_the_terminal(platform, capsys):
    platform.profiles.append({"id": "p", "name": HOSTILE, "reporting_interval_seconds": 1})
    assert cli.run(["api", "GET", "profiles", "--sandbox", platform.info]) == 0
    out = capsys.readouterr().out
    assert "red" in out
    assert clean(out)
    assert json.loads(out)


def test_error_of_the_platform_is_one_line_and_cannot_steer_the_terminal(platform, capsys):
    platform.faults.append((400, {}, json.dumps({"detail": HOSTILE})))
    assert cli.run(["api", "GET", "profiles", "--sandbox", platform.info]) == 4
    err = capsys.readouterr().err
    assert "red" in err
    assert clean(err)
    assert err.count("\n") == 1


def test_words_of_a_board_are_one_line_and_cannot_steer_the_terminal(monkeypatch, capsys):
    def fail(port):
        raise ToolError(f"the board says: {HOSTILE}")

    monkeypatch.setattr(context, "open_board", fail)
    assert cli.run(["deploy"]) == 1
    err = capsys.readouterr().err
    assert "second line" in err
    assert clean(err)
    assert err.count("\n") == 1


@pytest.mark.parametrize("as_json", [True, False])
def test_results_cannot_steer_the_terminal(capsys, as_json):
    output.print_record({"name": HOSTILE, "list": [HOSTILE]}, as_json)
    output.print_table([{"name": HOSTILE, "other": HOSTILE}], ("name", "other"), as_json)
    assert clean(capsys.readouterr().out)


@pytest.mark.parametrize("length", [1, 20, 64])
def test_no_line_of_a_table_is_over_80_columns_and_ids_are_whole(length):
    device_id = "d" * length
    rows = [["device id", "name", "state", "online"], [device_id, "n" * 100, "s" * 30, "yes"]]
    rows.append(["x", "y", "z", "no"])
    lines = aligned(rows)
    assert max(len(line) for line in lines) <= 80
    assert lines[1].split()[0] == device_id
    assert "n" * 100 not in lines[1]
    assert lines[2].split() == ["x", "y", "z", "no"]


def test_a_table_that_fits_is_not_cut():
    assert aligned([["a", "bb"], ["ccc", "d" * 70]]) == ["a    bb", "ccc  " + "d" * 70]
    assert aligned([["only"], ["x" * 90]])[1] == "x" * 90


# Completion.


def completed(words, env):
    more = {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)}
    return off_a_terminal([], {**env, **more, "_WAYS_DEVICE_COMPLETE": "complete_bash"})


def test_completion_knows_commands_and_options(tmp_path):
    env = environment(tmp_path, WAYSCLOUD_API_KEY=KEY)
    assert {"provision", "probe"} <= set(completed("ways-device pro", env).split())
    assert "start" in completed("ways-device sandbox ", env).split()
    options = completed("ways-device provision --", env)
    assert {"--name", "--wifi-file"} <= set(options.split())
    assert KEY not in options


def test_completion_fails_without_a_secret(tmp_path):
    env = environment(tmp_path, WAYSCLOUD_API_KEY=KEY, COMP_WORDS=f"ways-device {KEY}")
    shown = off_a_terminal([], {**env, "_WAYS_DEVICE_COMPLETE": "complete_bash"})
    assert shown.startswith("ways-device: internal fault")
    assert KEY not in shown
    assert "Traceback" not in shown


@pytest.mark.skipif(
    shutil.which("bash") is None,
    reason="completion is tried in a real bash, and this machine has none",
)
def test_completion_is_installed_for_the_shell_and_works_in_it(tmp_path):
    """A real bash runs --install-completion, then asks what comes after `ways-device dep`."""
    (tmp_path / "ways-device").write_text(f'#!/bin/sh\nexec {" ".join(COMMAND)} "$@"\n')
    (tmp_path / "ways-device").chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    env = environment(tmp_path, PATH=path, WAYSCLOUD_API_KEY=KEY)

    def bash(script):
        done = subprocess.run(
            ["bash", "--norc", "-c", script],
            capture_output=True,
            text=True,
            env=env,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    said = bash("ways-device --install-completion bash; true")
    assert "bash completion installed" in said
    script = (
        'source "$HOME/.bashrc"; COMP_WORDS=(ways-device dep); COMP_CWORD=1; '
        "_ways_device_completion ways-device; echo ${COMPREPLY[*]}"
    )
    assert bash(script).split() == ["deploy"]
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in written if KEY in path.read_text()]
