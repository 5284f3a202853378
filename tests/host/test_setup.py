"""The set-up: what it says when it cannot go on, and that the next run puts things right."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("__init__", "debian", "errors", "filelock")
NOTHING_LISTENS = "http://127.0.0.1:9/simple"


@pytest.fixture
def tree(tmp_path):
    """A project of which only the set-up is there, and whose lock asks for one package."""
    root = tmp_path / "project"
    (root / "tools" / "ways_device").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", root)
    shutil.copy(ROOT / "pyproject.toml", root)
    (root / "firmware").mkdir()
    shutil.copy(ROOT / "tools" / "bootstrap.py", root / "tools")
    for part in PARTS:
        shutil.copy(ROOT / "tools" / "ways_device" / f"{part}.py", root / "tools" / "ways_device")
    lock = f"some-package==1 --hash=sha256:{'0' * 64}\n"
    for name in ("requirements", "test", "check", "typings"):
        (root / "tools" / f"{name}.lock").write_text(lock)
    return root


def environment(**changes):
    """Return this environment with no index but the named one, and no second try."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    return {
        **kept,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": NOTHING_LISTENS,
        "PIP_RETRIES": "0",
        **changes,
    }


def set_up(tree, **changes):
    command = [sys.executable, "tools/bootstrap.py"]
    return subprocess.run(
        command,
        cwd=tree,
        env=environment(**changes),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def only_line(text):
    (line,) = text.splitlines()
    return line


def test_a_missing_python_is_named_with_the_remedy(tree):
    done = subprocess.run(
        ["make", "--no-print-directory", "setup", "PYTHON=python9"],
        cwd=tree,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode != 0
    # The second line is make's own.
    first, second = done.stderr.splitlines()
    assert first == (
        "setup: there is no python9 here; install Python 3.10 or newer "
        "(Debian: apt install python3) or name one: make PYTHON=/path/to/python3"
    )
    assert second.startswith("make")


def test_an_old_python_is_refused_before_anything_is_made(tree):
    old = "import sys, runpy; sys.version_info = (3, 9, 2); runpy.run_path('tools/bootstrap.py')"
    done = subprocess.run(
        [sys.executable, "-c", old],
        cwd=tree,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert only_line(done.stderr) == (
        f"setup: {sys.executable} is Python 3.9; "
        "3.10 or newer is needed: make PYTHON=/path/to/python3"
    )
    assert not (tree / ".venv").exists()


def test_half_a_set_up_is_made_anew_and_without_a_network_the_remedy_is_named(tree):
    half_made = tree / ".venv" / "half-made"
    half_made.parent.mkdir()
    half_made.touch()
    done = set_up(tree)
    assert not half_made.exists()
    assert done.returncode == 1
    assert only_line(done.stderr).startswith(
        "setup: installing tools/requirements.lock failed: ERROR: Could not find a version that "
        "satisfies the requirement some-package==1"
    )
    assert done.stderr.endswith(
        ". Check the network and pip's index settings, or read build/setup.log; "
        "then run the same command again\n"
    )


def test_without_pip_and_apt_the_package_to_install_is_named(tree, tmp_path):
    shim = tmp_path / "shim"
    shim.mkdir()
    hide = "import sys\nsys.modules['ensurepip'] = None\n"
    hide += "import importlib.util\nfind = importlib.util.find_spec\n"
    hide += "importlib.util.find_spec = lambda name: None if name == 'ensurepip' else find(name)\n"
    (shim / "sitecustomize.py").write_text(hide)
    done = set_up(tree, PYTHONPATH=str(shim), PATH=str(shim))
    assert done.returncode == 1
    assert only_line(done.stderr) == (
        "setup: this Python has no ensurepip, and no pip can be fetched: this machine has no "
        "apt-get to fetch it with. Install python3-venv, then run the same command again"
    )


def test_a_folder_that_cannot_be_written_is_named(tree):
    (tree / "build").touch()
    done = set_up(tree)
    assert done.returncode == 1
    assert only_line(done.stderr) == (
        f"setup: {tree}/build: File exists; "
        "make room or make it yours, then run the same command again"
    )


def test_an_interrupt_is_one_line_and_leaves_nothing_running(tree):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        process = subprocess.Popen(
            [sys.executable, "tools/bootstrap.py"],
            cwd=tree,
            env=environment(PIP_INDEX_URL=address),
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            # pip is waiting for an answer; a terminal's Ctrl-C goes to it too.
            connection, _ = silent.accept()
            os.killpg(process.pid, signal.SIGINT)
            said = process.communicate(timeout=30)[1]
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        connection.close()
    assert process.returncode == 130
    assert only_line(said) == "setup: stopped; the same command goes on from here"
    with pytest.raises(ProcessLookupError):
        wait_for_end(process.pid)


def wait_for_end(group, timeout_s=10):
    """Return when a process group still runs after timeout_s; raise as soon as it is gone."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        os.killpg(group, 0)
        time.sleep(0.05)


def test_a_step_is_done_again_only_when_what_it_was_made_from_changes(tmp_path):
    import bootstrap

    lock, stamp, made = tmp_path / "lock", tmp_path / "stamp", []
    for text in ("one", "one", "two"):
        lock.write_text(text)
        bootstrap._step(stamp, bootstrap._key(lock), lambda text=text: made.append(text))
    assert made == ["one", "two"]


def test_a_step_that_fails_leaves_no_stamp(tmp_path):
    import bootstrap

    def fail():
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        bootstrap._step(tmp_path / "stamp", "key", fail)
    assert not (tmp_path / "stamp").exists()
