"""Make .venv with everything the project runs on, as its lock files say.

Started by make with any Python 3, before a package is installed. Each step leaves a stamp that
names what it was made from; a step whose stamp is missing or different is done anew, so a set-up
that was interrupted, or whose lock or Python has changed, is put right by the next run.
`bootstrap.py test` adds what only tests need, `bootstrap.py check` the checkers and the type
stubs of the device's modules.
"""

import sys

if sys.version_info < (3, 10):  # noqa: UP036 - these lines are for those who start it with less
    found = "{} is Python {}.{}".format(sys.executable, *sys.version_info)
    sys.exit(f"setup: {found}; 3.10 or newer is needed: make PYTHON=/path/to/python3")

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from ways_device import debian
from ways_device.errors import ToolError
from ways_device.filelock import exclusive

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
TYPINGS = ROOT / "typings"
LOG = ROOT / "build" / "setup.log"

_LOCK_TIMEOUT_S = 1800
_PIP_TIMEOUT_S = 1800
_VENV_TIMEOUT_S = 120
_AGAIN = "then run the same command again"


def main() -> int:
    """Do what is missing. Returns the exit status."""
    try:
        LOG.parent.mkdir(exist_ok=True)
        with exclusive(ROOT / "build" / ".setup.lock", _LOCK_TIMEOUT_S):
            set_up(frozenset(sys.argv[1:]))
    except ToolError as exc:
        print(f"setup: {exc}", file=sys.stderr)
        return exc.exit_code
    except OSError as exc:
        print(
            f"setup: {exc.filename}: {exc.strerror}; make room or make it yours, {_AGAIN}",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("setup: stopped; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


def set_up(extras: frozenset[str]) -> None:
    """Make the virtual environment, the project in it and, as extras say, "test" and "check"."""
    locks = ROOT / "tools"
    # A moved folder breaks the programs of a virtual environment, which name it.
    python = f"{os.path.realpath(sys.executable)} {sys.version} {ROOT}"
    packages = locks / "requirements.lock"
    _step(VENV / "made-from-packages", _key(python, packages), lambda: _make_venv(packages))
    project = _key(ROOT / "pyproject.toml")
    _step(VENV / "made-from-project", project, _install_project)
    if "test" in extras:
        test = locks / "test.lock"
        _step(VENV / "made-from-test", _key(test), lambda: _install(test))
    if "check" in extras:
        check, typings = locks / "check.lock", locks / "typings.lock"
        _step(VENV / "made-from-check", _key(check), lambda: _install(check))
        _step(TYPINGS / "made-from-typings", _key(typings), lambda: _make_typings(typings))


def _key(*sources: "str | Path") -> str:
    parts = [source if isinstance(source, str) else source.read_text() for source in sources]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _step(stamp: Path, key: str, make: Callable[[], None]) -> None:
    """Call make unless stamp says that it was done for this key."""
    if stamp.is_file() and stamp.read_text() == key:
        return
    make()
    stamp.write_text(key)


def _make_venv(lock: Path) -> None:
    _say(f"making .venv with Python {sys.version.split()[0]}")
    LOG.unlink(missing_ok=True)
    _remove(VENV)
    # Debian's Python without python3-venv has venv but not the pip that goes into it.
    has_pip = importlib.util.find_spec("ensurepip") is not None
    options = [] if has_pip else ["--without-pip"]
    if not importlib.util.find_spec("venv"):
        raise ToolError(f"this Python has no module venv; install python3-venv, {_AGAIN}")
    _run([sys.executable, "-m", "venv", *options, str(VENV)], "making .venv", _VENV_TIMEOUT_S)
    if not has_pip:
        _install_pip()
    _install(lock)


def _install_pip() -> None:
    _say("this Python comes without pip; unpacking Debian's")
    with tempfile.TemporaryDirectory(prefix="pip-", dir=ROOT / "build") as scratch:
        tree = Path(scratch) / "tree"
        tree.mkdir()
        try:
            debian.unpack(["python3-pip-whl"], debian.architecture(), tree)
        except debian.FetchError as exc:
            raise ToolError(
                f"this Python has no ensurepip, and no pip can be fetched: {exc}. "
                f"Install python3-venv, {_AGAIN}"
            ) from exc
        wheel = next(tree.glob("usr/share/python-wheels/pip-*.whl"))
        # A wheel can be run from where it is, and so can install itself.
        _pip(["install", "--no-index", str(wheel)], "installing pip", program=f"{wheel}/pip")


def _install(lock: Path) -> None:
    _say(f"installing the packages of tools/{lock.name} (a minute or less, once)")
    _pip(["install", "--require-hashes", "-r", str(lock)], f"installing tools/{lock.name}")


def _install_project() -> None:
    options = ["--no-deps", "--no-build-isolation", "--editable", str(ROOT)]
    _pip(["install", *options], "installing this project")


def _make_typings(lock: Path) -> None:
    # Beside the virtual environment, not in it: there the stubs would hide modules of the host.
    _say(f"installing the type stubs of tools/{lock.name}")
    _remove(TYPINGS)
    options = ["--require-hashes", "--no-deps", "--target", str(TYPINGS), "-r", str(lock)]
    _pip(["install", *options], f"installing tools/{lock.name}")


def _pip(arguments: list[str], what: str, program: str = "") -> None:
    start = [program] if program else ["-m", "pip"]
    options = ["--disable-pip-version-check", "--no-input"]
    _run([str(VENV_PYTHON), *start, *options, *arguments], what, _PIP_TIMEOUT_S)


def _run(command: list[str], what: str, timeout_s: float) -> None:
    """Run command with its talk in the log. Raises ToolError with the line that tells most."""
    with LOG.open("a") as log:
        log.write(f"$ {' '.join(command)}\n")
        log.flush()
        begun = log.tell()
        try:
            done = subprocess.run(
                command,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as exc:
            raise ToolError(f"{what} took over {timeout_s:.0f} s; see build/setup.log") from exc
    if done.returncode:
        raise ToolError(
            f"{what} failed: {_reason(begun)}. Check the network and pip's index settings, "
            f"or read build/setup.log; {_AGAIN}"
        )


def _reason(begun: int) -> str:
    said = LOG.read_bytes()[begun:].decode(errors="replace")
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["not a word said"]
    for sign in (r"ERROR:", r"\w*Error: "):
        for line in lines:
            if re.match(sign, line):
                return line
    return lines[-1]


def _environment() -> "dict[str, str]":
    """Return the environment without what would lead pip out of the virtual environment."""
    dropped = {"PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_PREFIX", "VIRTUAL_ENV"}
    if not os.environ.get("HOME"):
        dropped.add("HOME")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return {**kept, "PIP_USER": "0"}


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _say(text: str) -> None:
    print(f"setup: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
