"""The programs that the tests, the sandbox and the virtual board run.

A program is the one an environment variable names, else a fitting one on PATH, else one fetched
from the Debian archive. The tests take no program from PATH, so that they are the same everywhere.
Fetched programs live in .tools of a checkout, else in the user's cache folder.
"""

import functools
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ways_device import debian, devicelib
from ways_device.errors import ToolError
from ways_device.fetch import CannotRunError, Recipe, fetched
from ways_device.resources import checkout, device_source

OLDEST = (1, 25)
"""The oldest MicroPython that the device code is written for."""

_PLUGIN = "mosquitto_dynamic_security.so"
_FAKETIME = "libfaketime.so.1"
_RUN_TIMEOUT_S = 30
# A user's PATH often lacks the folders where a broker is installed.
_BROKER_FOLDERS = "/usr/local/sbin:/usr/sbin:/opt/homebrew/sbin"

_MICROPYTHON = {
    64: Recipe(
        "micropython",
        "MicroPython, 64-bit",
        ("micropython", "libfaketime"),
        "usr/bin/micropython",
        ("libgcc_s.so.1", _FAKETIME),
    ),
    32: Recipe(
        "micropython32",
        "MicroPython, 32-bit",
        ("micropython",),
        "usr/bin/micropython",
        ("libgcc_s.so.1",),
        arch="i386",
    ),
}
_VARIABLE = {64: "MICROPYTHON", 32: "MICROPYTHON32"}
_MOSQUITTO = Recipe(
    "mosquitto",
    "mosquitto",
    ("mosquitto",),
    "usr/sbin/mosquitto",
    ("libgcc_s.so.1", _PLUGIN),
)


@dataclass(frozen=True)
class Mosquitto:
    """A broker and its dynamic-security plugin."""

    program: Path
    dynsec_plugin: Path


def micropython(bits: int = 64) -> Path:
    """Return MicroPython's unix port with 64-bit or 32-bit words.

    Raises CannotRunError if this machine cannot run one of that width, ToolError with the
    remedy if none can be had.
    """
    named = os.environ.get(_VARIABLE[bits])
    if named:
        return _named_micropython(named, bits)
    on_path = shutil.which("micropython")
    if on_path and _fits(on_path, bits):
        return Path(on_path)
    return _fetched_micropython(bits)


def mosquitto() -> Mosquitto:
    """Return the broker. Raises ToolError with the remedy if none can be had."""
    named = os.environ.get("MOSQUITTO")
    if named:
        plugin = _plugin_of(Path(named))
        if not plugin:
            raise ToolError(
                f"MOSQUITTO={named}: no mosquitto with {_PLUGIN} there; "
                "name one of version 2 or newer, or unset it"
            )
        return Mosquitto(Path(named), plugin)
    on_path = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:{_BROKER_FOLDERS}")
    plugin = _plugin_of(Path(on_path)) if on_path else None
    if on_path and plugin:
        return Mosquitto(Path(on_path), plugin)
    return _fetched_mosquitto()


def libfaketime() -> Path | None:
    """Return the library that fakes the clock of the fetched programs (their PRELOAD), or None."""
    library = root() / "micropython" / "lib" / _FAKETIME
    return library if library.is_file() else None


def device_lib() -> Path:
    """Return the folder that holds umqtt/simple.py, fetching it first if need be."""
    return devicelib.fetch()


def root() -> Path:
    """Return the folder of the fetched programs."""
    if device_source() == checkout():
        return checkout() / ".tools"
    from platformdirs import user_cache_path

    return user_cache_path("ways-device") / "tools"


def for_tests() -> dict[str, str]:
    """Return the environment that pins every program for a test run and its child processes.

    Where the machine cannot run 32-bit programs, MICROPYTHON32 is absent.
    """
    pinned: dict[str, str] = {}
    for bits, variable in _VARIABLE.items():
        try:
            named = os.environ.get(variable)
            program = _named_micropython(named, bits) if named else _fetched_micropython(bits)
        except CannotRunError:
            continue
        pinned[variable] = str(program)
    broker = mosquitto() if os.environ.get("MOSQUITTO") else _fetched_mosquitto()
    return pinned | {"MOSQUITTO": str(broker.program)}


def describe(program: Path) -> str:
    """Return the name, version and width of a MicroPython, for people."""
    (major, minor), bits = _identify(str(program))
    return f"MicroPython {major}.{minor}, {bits}-bit: {program}"


def _named_micropython(named: str, bits: int) -> Path:
    variable = _VARIABLE[bits]
    version, width = _identify(named)
    if not version:
        raise ToolError(f"{variable}={named}: not a MicroPython that runs; correct or unset it")
    if not _fits(named, bits):
        raise ToolError(
            f"{variable}={named} is MicroPython {version[0]}.{version[1]}, {width}-bit; "
            f"name one of {OLDEST[0]}.{OLDEST[1]} or newer, {bits}-bit, or unset it"
        )
    return Path(named)


def _fits(program: str, bits: int) -> bool:
    version, width = _identify(program)
    return version >= OLDEST and width == bits


@functools.cache
def _identify(program: str) -> tuple[tuple[int, ...], int]:
    """Return version and word width of a MicroPython, ((), 0) of anything else."""
    question = "import sys; v = sys.implementation; print(v[0], v[1][0], v[1][1], sys.maxsize)"
    try:
        done = subprocess.run(
            [program, "-c", question],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_RUN_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return (), 0
    answer = re.fullmatch(r"micropython (\d+) (\d+) (\d+)\n", done.stdout)
    if not answer:
        return (), 0
    major, minor, maxsize = map(int, answer.groups())
    return (major, minor), 64 if maxsize >> 32 else 32


def _fetched_micropython(bits: int) -> Path:
    recipe = _MICROPYTHON[bits]
    arch = debian.architecture()
    if recipe.arch and arch not in ("", "amd64", recipe.arch):
        raise CannotRunError(f"a machine of type {arch} cannot run {recipe.title} ({recipe.arch})")
    return _fetch(recipe, "micropython 1.25 or newer", _VARIABLE[bits])


def _fetched_mosquitto() -> Mosquitto:
    program = _fetch(_MOSQUITTO, "mosquitto 2 or newer", "MOSQUITTO")
    return Mosquitto(program, root() / "mosquitto" / "lib" / _PLUGIN)


def _fetch(recipe: Recipe, package: str, variable: str) -> Path:
    try:
        return fetched(root(), recipe)
    except debian.FetchError as exc:
        raise ToolError(
            f"cannot fetch {recipe.title}: {exc}. Check the network and run the same command "
            f"again, or install {package} and set {variable} to its path"
        ) from exc


def _plugin_of(program: Path) -> Path | None:
    if not program.is_file():
        return None
    top = program.resolve().parent.parent
    for pattern in ("mosquitto/lib", "lib", "lib/*", "lib64"):
        for plugin in top.glob(f"{pattern}/{_PLUGIN}"):
            return plugin
    return None


def main() -> int:
    """Fetch everything the tests need and say where it is."""
    try:
        pinned = for_tests()
    except ToolError as exc:
        print(f"toolchain: {exc}", file=sys.stderr)
        return exc.exit_code
    for bits, variable in _VARIABLE.items():
        if variable in pinned:
            print(f"toolchain: {describe(Path(pinned[variable]))}")
        else:
            print(f"toolchain: no {bits}-bit MicroPython: this machine cannot run one")
    print(f"toolchain: mosquitto: {pinned['MOSQUITTO']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
