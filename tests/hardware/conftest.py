"""The checklist's options, the board, and the file of results.

Without --port everything here is skipped, aloud.
"""

import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from chip_rig import Bench
from device_rig import Device
from hardware_results import Results

from ways_device import wifi
from ways_device.errors import ToolError
from ways_device.serialport import find_port

ROOT = Path(__file__).resolve().parents[2]
COMMAND = "pytest tests/hardware -m hardware --port PORT --sandbox INFO --wifi-file FILE"
NO_PORT = f"only a real board shows what this looks at, and no port of one was named: {COMMAND}"
NO_SANDBOX = (
    "the agent's readings are followed to a sandbox, and none was named: give --sandbox INFO, "
    "of ways-device sandbox start --host ADDRESS --info-file INFO"
)
NO_WIFI = (
    "a radio is tried in a real network, and none was named: give --wifi-file FILE, as for "
    "ways-device provision"
)
NOBODY = "a meter has to be read by hand, and nobody is at this terminal to be asked"
_RESULTS = pytest.StashKey[Results]()


def pytest_addoption(parser):
    group = parser.getgroup("hardware", "the hardware checklist")
    group.addoption("--port", help="port of a board; mpremote's shortcuts, as u0, will do")
    group.addoption("--sandbox", type=Path, metavar="INFO", help="a sandbox that it can reach")
    group.addoption("--wifi-file", type=Path, metavar="FILE", help="the network to join")
    group.addoption(
        "--destructive", action="store_true", help="also if it costs the board its identity"
    )
    group.addoption(
        "--short", action="store_true", help="try the checklist itself: moments, not minutes"
    )
    default = ROOT / "build" / "hardware.json"
    group.addoption("--results", type=Path, metavar="FILE", default=default)


def pytest_configure(config):
    config.stash[_RESULTS] = Results(config.getoption("short"))
    if config.getoption("port") and config.getoption("numprocesses", None):
        raise pytest.UsageError("there is one board: leave -n out")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("port"):
        for item in items:
            if item.get_closest_marker("hardware"):
                item.add_marker(pytest.mark.skip(reason=NO_PORT))


def pytest_terminal_summary(terminalreporter, config):
    skipped = terminalreporter.stats.get("skipped", [])
    if not config.getoption("port"):
        if any(NO_PORT in str(report.longrepr) for report in skipped):
            terminalreporter.write_line(f"skipped: {NO_PORT}", yellow=True)
    elif config.stash[_RESULTS].lines:
        terminalreporter.write_line(f"results: {config.getoption('results')}")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if item.config.getoption("port") and item.get_closest_marker("hardware"):
        results = item.config.stash[_RESULTS]
        if report.skipped:
            results.ended(item.name, "skipped", report.longrepr[2].removeprefix("Skipped: "))
        elif report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            why = str(crash.message if crash else report.longrepr).splitlines()
            results.ended(item.name, "failed", why[0] if why else "")


def pytest_sessionfinish(session):
    results = session.config.stash[_RESULTS]
    if session.config.getoption("port") and results.lines:
        results.write(session.config.getoption("results"))


@pytest.fixture(scope="session")
def results(pytestconfig):
    return pytestconfig.stash[_RESULTS]


@pytest.fixture(scope="session")
def is_short(pytestconfig):
    return pytestconfig.getoption("short")


@pytest.fixture(scope="session")
def bench(pytestconfig, results):
    """The board, left running afterwards whatever happened."""
    try:
        made = Bench(find_port(pytestconfig.getoption("port")))
    except ToolError as exc:
        pytest.exit(f"the hardware checklist: {exc}", returncode=exc.exit_code)
    facts = made.facts
    if facts.platform != "esp32":
        pytest.exit(f"the board at {made.port} is no ESP32: {facts.platform}", returncode=3)
    version = ".".join(str(part) for part in facts.version)
    results.board.update(machine=facts.machine, micropython=version)
    yield made
    made.release()


@pytest.fixture
def held(bench):
    """The board, up and doing nothing."""
    bench.hold()
    return bench


@pytest.fixture(scope="session")
def network(pytestconfig):
    """The first network of the Wi-Fi file."""
    path = pytestconfig.getoption("wifi_file")
    if path is None:
        pytest.skip(NO_WIFI)
    return max(wifi.load(path, print), key=lambda one: one.priority)


@pytest.fixture(scope="session")
def sandbox_info(pytestconfig):
    """The path of the sandbox's info file."""
    path = pytestconfig.getoption("sandbox")
    if path is None:
        pytest.skip(NO_SANDBOX)
    return path


@pytest.fixture(scope="session")
def device(pytestconfig, bench, sandbox_info, network):
    """The board as a device of the sandbox, with one sensor; its settings are put back."""
    made = Device(bench, sandbox_info, pytestconfig.getoption("wifi_file"))
    try:
        owner = made.stranger()
        if owner and not pytestconfig.getoption("destructive"):
            pytest.skip(
                f"the board is {owner}, which this sandbox does not know, and would be another "
                "device afterwards: --destructive allows that"
            )
        try:
            made.provision()
            yield made
        finally:
            made.restore()
    finally:
        made.close()


@pytest.fixture
def person(pytestconfig):
    """Return a function that asks the person at the terminal; skips where nobody is there."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")

    @contextmanager
    def terminal():
        capture.suspend_global_capture(in_=True)
        try:
            yield
        finally:
            capture.resume_global_capture()

    def ask(text):
        with terminal():
            return input(text)

    with terminal():
        is_there = sys.stdin is not None and sys.stdin.isatty()
    if not is_there:
        pytest.skip(NOBODY)
    return ask
