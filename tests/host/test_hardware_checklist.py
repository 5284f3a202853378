"""The hardware checklist without a board: it is skipped aloud, and its own code works.

The virtual board is no chip: of the checks that measure time only a figure is wanted here.
"""

import ast
import json
import os
import pty
import re
import subprocess
from types import SimpleNamespace

import chip_rig
import pytest
from checklist_rig import (
    ROOT,
    assert_only_late,
    checks,
    command,
    lines_of,
    options,
    run,
    state,
)
from codedflash import coded_world
from hardware_results import Results
from realparts import WIFI, part

NO_PORT = (
    "only a real board shows what this looks at, and no port of one was named: "
    "pytest tests/hardware -m hardware --port PORT --sandbox INFO --wifi-file FILE"
)
TIMED = ("stall of a flush", "stall of a scan", "reset of a stalled thread", "join by name")
TIMED += ("wake to the prompt", "drift of the clock over a sleep")


def test_without_a_port_all_is_skipped_and_one_line_says_what_to_type():
    status, said = run("-q", "tests/hardware", "-m", "hardware")
    assert status == 0, said
    assert said.splitlines()[-1].startswith(f"{len(list(checks()))} skipped in ")
    assert said.splitlines().count(f"skipped: {NO_PORT}") == 1


def test_the_marker_alone_finds_the_checks_and_nothing_else():
    assert re.search(
        r'^testpaths = .*"tests/hardware"', (ROOT / "pyproject.toml").read_text(), re.M
    )
    # Of those paths the others take long to collect.
    paths = "testpaths=tests/hardware"
    _, said = run("-o", paths, "-q", "-m", "hardware", "--port=nowhere", "--collect-only")
    found = [line.partition("::")[0] for line in said.splitlines() if "::" in line]
    assert found == [f"tests/hardware/{path.name}" for path, _ in checks()]


def test_make_test_leaves_it_out_and_make_hardware_runs_it():
    def recipe(*words):
        call = ["make", "--dry-run", "--no-print-directory", "-C", str(ROOT), *words]
        done = subprocess.run(call, capture_output=True, text=True, timeout=30, check=True)
        said = done.stdout.replace("\\\n", "").splitlines()
        return " ".join(next(line for line in said if " pytest " in line).split())

    assert "hardware" not in recipe("test")
    words = recipe("hardware", "PORT=u0", "SANDBOX=info.json", "WIFI=wifi.json")
    expected = NO_PORT.partition(": ")[2].replace("PORT", "u0").replace("INFO", "info.json")
    assert expected.replace("FILE", "wifi.json") in words


def test_each_check_says_what_only_a_chip_can_tell():
    wrong = [node.name for _, node in checks() if "Only " not in (ast.get_docstring(node) or "")]
    assert wrong == []


def test_a_port_without_a_board_is_one_line():
    status, said = run("-q", "tests/hardware", "--port", "/dev/none")
    assert status == 3
    assert "/dev/none: there is no such port; is the board plugged in?" in said
    assert "Traceback" not in said


def test_one_board_is_not_shared_by_processes():
    status, said = run("-q", "tests/hardware", "--port", "nowhere", "-n", "2")
    assert status == 4
    assert "there is one board: leave -n out" in said


def test_a_figure_beyond_its_limit_is_noted_and_fails(tmp_path):
    results = Results(is_short=False)
    results.judge("stall", 200, "ms", at_most=200)
    for figure in (201, None):
        with pytest.raises(AssertionError, match=r"stall is \w+ ms, not <= 200"):
            results.judge("stall", figure, "ms", at_most=200)
    with pytest.raises(AssertionError):
        results.judge("signal", -91, "dBm", at_least=-90, at_most=-10)
    results.write(tmp_path / "build" / "results.json")
    lines = lines_of(tmp_path / "build" / "results.json")
    assert [line["verdict"] for line in lines] == ["ok", "missed", "missed", "missed"]
    assert lines[3]["limit"] == ">= -90 and <= -10"


@pytest.mark.timeout(600)
def test_all_that_needs_no_sandbox_comes_to_its_figures_and_leaves_nothing(tmp_path):
    results, networks = tmp_path / "results.json", tmp_path / "wifi.json"
    networks.write_text(json.dumps(WIFI))
    networks.chmod(0o600)
    with part(tmp_path / "board", "vboard", "start", "--dir", str(tmp_path / "chip")) as board:
        port = board["port"]
        before = state(port)
        words = ("--port", port, "--wifi-file", str(networks), "--results", str(results))
        _, said = run("-q", "tests/hardware", "-m", "hardware", "--short", *words, timeout_s=500)
        lines = lines_of(results)
        assert_only_late(lines, said)
        after = state(port)
    assert after == {**before, "hold": 0}
    figures = {line["name"]: line for line in lines}
    assert figures["error number of 32 KB in NVS"]["figure"] == -0x1105
    assert figures["status after a wrong password"]["figure"] == 202
    assert figures["RTC memory kept over soft reset, sleep, watchdog"]["figure"] == 128
    for name in TIMED:
        assert figures[name]["figure"] is not None, said
    skipped = {line["name"]: line["why"] for line in lines if line["verdict"] == "skipped"}
    assert len(skipped) == 6, skipped
    assert "--sandbox INFO" in skipped["test_ten_minutes_leave_it_memory"]
    assert "ways-device deploy" in skipped["test_memory_is_left_once_the_agent_is_loaded"]
    assert "terminal" in skipped["test_its_current_asleep_as_somebody_reads_it"]
    assert board["unique_id"] not in results.read_text()


@pytest.mark.timeout(600)
def test_the_agents_checks_run_on_a_device_and_put_its_settings_back(tmp_path):
    results = tmp_path / "results.json"
    with coded_world(tmp_path) as real:
        done = real.provision("--sensor", "simulated:key=room", "--set", "watchdog_s=77")
        assert done.returncode == 0, done.stderr
        settings = real.mpremote("exec", "print(open('/config.json').read())")
        real.mpremote("reset")
        # The watchdog's minute lasts 20 s here.
        real.control({"watchdog_haste": 3})
        words = options(real, results)
        checked = ("-k", "minutes or hundred or agent_costs or tls or agent_is_loaded")
        words = ("-q", "tests/hardware", *words, *checked)
        _, said = run(*words, timeout_s=500, environment=real.environment)
        lines = lines_of(results)
        assert_only_late(lines, said)
        real.wait_until_reporting()
        assert real.mpremote("exec", "print(open('/config.json').read())") == settings
        assert state(real.board["port"])["drivers"] == []
    figures = {line["name"]: line["figure"] for line in lines}
    assert figures["readings missing"] == 0
    assert figures["reconnects"] == 3
    assert figures["heap free as it runs"] > 8192
    assert figures["largest block of the heap as it runs"] > 2048
    assert figures["heap free with the agent loaded"] > 16384
    assert {"stall of a TLS handshake", "agent back after a stall", "heap lost"} <= set(figures)
    assert real.key not in results.read_text() + said


@pytest.mark.timeout(300)
def test_a_board_of_another_platform_is_not_made_the_sandboxes(tmp_path):
    results = tmp_path / "results.json"
    with coded_world(tmp_path) as real:
        done = real.provision("--sensor", "simulated:key=room")
        assert done.returncode == 0, done.stderr
        real.api.delete(f"/v1/iot/devices/{real.device_id}").raise_for_status()
        words = options(real, results)
        status, said = run("-q", "tests/hardware", "-k", "ten_minutes", *words, timeout_s=200)
        assert status == 0, said
        (line,) = lines_of(results)
        assert line["verdict"] == "skipped" and "--destructive" in line["why"]
        assert real.devices() == []


@pytest.mark.timeout(300)
def test_a_person_at_the_terminal_is_asked_for_the_current(tmp_path):
    results = tmp_path / "results.json"
    ours, theirs = pty.openpty()
    with part(tmp_path / "board", "vboard", "start", "--dir", str(tmp_path / "chip")) as board:
        words = ("--port", board["port"], "--results", str(results), "-k", "current_asleep")
        call = command("-q", "tests/hardware", "--short", *words)
        ends = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
        with subprocess.Popen(call, cwd=ROOT, **ends) as child:
            os.close(theirs)
            try:
                answer(ours, b"press Enter: ", b"\n")
                answer(ours, b"no meter) ", b"0,8\n")
                child.wait(120)
            finally:
                child.kill()
                os.close(ours)
    (line,) = lines_of(results)
    assert (line["verdict"], line["figure"], line["unit"]) == ("ok", 0.8, "mA")


def answer(terminal, question, text):
    """Wait for a question on the terminal, then type. The test's own limit bounds the wait."""
    said = b""
    while question not in said:
        said += os.read(terminal, 4096)
    os.write(terminal, text)


@pytest.mark.parametrize(
    ("vendor", "is_own"), [(0x303A, True), (0x10C4, False), (0x1A86, False), (None, False)]
)
def test_only_a_port_that_the_chip_makes_itself_is_left_out_of_sleep(monkeypatch, vendor, is_own):
    ports = [SimpleNamespace(device="/dev/ttyACM0", vid=vendor)]
    ports.append(SimpleNamespace(device="/dev/ttyACM1", vid=0x303A))
    monkeypatch.setattr(chip_rig, "comports", lambda: ports)
    bench = SimpleNamespace(port="/dev/ttyACM0")
    assert chip_rig.Bench.is_own_usb.fget(bench) is is_own
