"""A fresh copy of the project, set up by a user who has nothing but git, make and Python."""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECOND_TIME_S = 15
# Debian's Python without python3-venv: it has venv, but no pip to put into one.
NO_ENSUREPIP = """\
import importlib.util

find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name: None if name == "ensurepip" else find_spec(name)
"""


def ordinary_user():
    """Return how to start a process as one who is not root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def python_for(user):
    """Return a Python that the user may run: root's own is often in a folder closed to others."""
    fits = "import sys; sys.exit(sys.version_info < (3, 10))"
    for program in (
        os.path.realpath(sys.executable),
        "/usr/bin/python3",
        "/usr/local/bin/python3",
    ):
        try:
            if not subprocess.run(
                [program, "-c", fits], timeout=30, check=False, **user
            ).returncode:
                return program
        except OSError:
            continue
    return pytest.skip("set-up is tried without root, and no Python >= 3.10 here may be run so")


@pytest.fixture
def clone():
    """A copy of the project that belongs to the ordinary user, in a folder open to them."""
    folder = Path(tempfile.mkdtemp(prefix="fresh-clone-"))
    tree = folder / "project"
    listing = ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard", "-z"]
    files = subprocess.run(listing, capture_output=True, timeout=30, check=False).stdout
    if not files:
        pytest.skip("git tells which files are the project's, and this copy is no checkout")
    for name in filter(None, files.decode().split("\0")):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    (folder / "shim").mkdir()
    (folder / "shim" / "sitecustomize.py").write_text(NO_ENSUREPIP)
    owner = ordinary_user()
    if owner:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, owner["user"], owner["group"])
    yield tree
    shutil.rmtree(folder)


@pytest.mark.timeout(400)
def test_an_ordinary_user_without_a_home_or_pip_sets_everything_up(clone):
    user = ordinary_user()
    python = python_for(user)
    pins = ("MICROPYTHON", "MICROPYTHON32", "MOSQUITTO", "VIRTUAL_ENV", "XDG_CACHE_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in pins}
    environment |= {"HOME": "", "PYTHONPATH": str(clone.parent / "shim")}

    def make(*targets):
        done = subprocess.run(
            ["make", "--no-print-directory", *targets, f"PYTHON={python}"],
            cwd=clone,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=380,
            check=False,
            **user,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    first = make("setup", "toolchain", "lib")
    assert "setup: this Python comes without pip; unpacking Debian's" in first
    assert "fetching MicroPython, 64-bit" in first
    assert (clone / "lib" / "umqtt" / "simple.py").is_file()
    program = clone / ".tools" / "bin" / "micropython"
    said = subprocess.check_output([program, "-c", "print(6 * 7)"], timeout=30, **user)
    assert said == b"42\n"

    begun_s = time.monotonic()
    second = make("setup", "toolchain", "lib")
    assert time.monotonic() - begun_s < SECOND_TIME_S
    assert "fetching" not in second
    assert "installing" not in second
