"""The rules that keep the agent's modules apart, read out of the sources."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = ROOT / "firmware"

# From the top down: a module imports only what stands on a line below its own.
LAYERS = """
    setup start
    wiring
    fitting
    downlink
    commands
    actions
    lookup
    settings
    live report intake
    strictjson journal
    supervisor safemode
    safekeep safelink
    ending
    lastrun
    sleeper
    client
    schedule delivery
    agent mqtt publisher sampler rhythm keptfilters
    composer keeping
    stock
    status store wifi login resuming addnetwork
    window
    inbound
    flashlog sensors
    clock sntp transport budget logreader account front failing filters slots
    segment verdict joining lastgood about
    retained packet owndriver power reading topics identity config codec dns backoff
    commandline
    board board_unix radio fastjoin
    i2c
    log ring errors files pin_unix
"""

CHIP_MODULES = {"machine", "network", "esp32"}
# They work when the rest does not, and so without it.
ALONE = ("safemode.py", "safekeep.py", "safelink.py")


def modules():
    # manifest.py is for the builder of images and never reaches a board.
    return sorted(path for path in FIRMWARE.rglob("*.py") if path.name != "manifest.py")


def name_of(path):
    """Return the module's name below firmware; a sensor counts as the package it is in."""
    parts = path.relative_to(FIRMWARE).with_suffix("").parts
    return parts[0]


def imports_of(path):
    """Yield the names of the modules a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def level_of(name):
    for level, line in enumerate(reversed(LAYERS.split("\n"))):
        if name in line.split():
            return level
    raise AssertionError(f"firmware/{name} has no place in LAYERS")


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_point_down(path):
    name = name_of(path)
    if name == "__init__":
        return
    for imported in imports_of(path):
        parts = imported.split(".")
        if (
            parts[0] == "firmware"
            and len(parts) > 1
            and (FIRMWARE / parts[1]).with_suffix(".py").exists()
        ):
            other = parts[1]
            is_own = name == other == "sensors"
            assert is_own or level_of(other) < level_of(name), f"{path.name} imports {imported}"


def test_only_the_board_and_what_works_without_it_know_the_chip():
    for path in modules():
        if path.name not in ("board.py", *ALONE):
            assert not CHIP_MODULES & set(imports_of(path)), path
    # Before there is a board: the watchdog, a reset, and the record of a crash.
    assert CHIP_MODULES & set(imports_of(ROOT / "main.py")) == {"machine", "esp32"}


def test_safe_mode_needs_nothing_of_the_agent():
    for name in ALONE:
        for imported in imports_of(FIRMWARE / name):
            first = imported.split(".")[0]
            assert f"{first}.py" in ALONE or not (FIRMWARE / f"{first}.py").exists(), imported
            assert first != "firmware"


def test_only_the_clock_asks_for_the_time():
    for path in [*modules(), ROOT / "main.py"]:
        if path.name not in ("clock.py", *ALONE):
            assert "time" not in set(imports_of(path)), path


def test_there_is_one_place_that_makes_a_tls_context():
    makers = [path.name for path in modules() if "SSLContext(" in path.read_text()]
    # Safe mode can rely on no other module.
    assert makers == ["safelink.py", "transport.py"]
    assert (FIRMWARE / "safelink.py").read_text().count("SSLContext(") == 1
    assert (FIRMWARE / "transport.py").read_text().count("SSLContext(") == 1


def test_no_module_has_grown_a_second_concern():
    for path in [*modules(), ROOT / "boot.py", ROOT / "main.py"]:
        assert len(path.read_text().splitlines()) <= 250, path
