"""`make demo`'s program: it tells the truth, notices a loss, and leaves nothing behind."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

VERDICT = re.compile(
    r"delivered (\d+) of (\d+) readings, (\d+) lost, (\d+) duplicates on the wire, \d+ after dedup"
)
SECONDS = 12
DEMO = (sys.executable, "-m", "ways_device.cli", "demo")
DEADLINE_S = 90


def start(folder, seconds=SECONDS):
    return subprocess.Popen(
        [*DEMO, "--seconds", str(seconds), "--dir", str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
    )


def finish(process):
    """Return (exit status, everything it printed)."""
    try:
        output, _ = process.communicate(timeout=DEADLINE_S)
    finally:
        process.kill()
    return process.returncode, output


PROGRAMS = ("sandbox", "vboard")


def wait_for(ready, process):
    end_s = time.monotonic() + DEADLINE_S
    while not ready():
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < end_s
        time.sleep(0.05)


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.timeout(180)
def test_every_reading_arrives_through_an_outage(tmp_path):
    status, output = finish(start(tmp_path))
    assert status == 0, output
    delivered, taken, lost, duplicates = map(
        int, VERDICT.fullmatch(output.split("\n")[-2]).groups()
    )
    assert delivered == taken >= SECONDS and lost == 0 and duplicates <= 16
    assert output.rstrip().endswith("0 after dedup")
    assert "the broker goes away" in output and "the broker is back" in output
    # The table is the platform's: it shows values, battery and signal.
    assert re.search(
        r"online yes .*temperature \d+\.\d+ °C .*battery \d+ % .*signal -\d+ dBm", output
    )


@pytest.mark.timeout(180)
def test_a_planted_loss_is_noticed(tmp_path):
    process = start(tmp_path)
    database = tmp_path / "state"

    def planted():
        for path in database.glob("*.db") if database.exists() else ():
            db = sqlite3.connect(path, timeout=5)
            try:
                with db:
                    return db.execute("DELETE FROM deliveries WHERE seq = 2").rowcount
            except sqlite3.OperationalError:  # it is being made
                return 0
            finally:
                db.close()
        return 0

    wait_for(planted, process)
    status, output = finish(process)
    assert status == 1, output
    delivered, taken, lost, _ = map(int, VERDICT.search(output).groups())
    assert (taken - delivered, lost) == (1, 1)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("when", ["sandbox.json", "vboard.json", "broker up"])
def test_ctrl_c_ends_it_at_any_time_and_leaves_nothing_running(tmp_path, when):
    process = start(tmp_path, seconds=60)
    output = []

    def reached():
        if when != "broker up":
            return (tmp_path / when).exists()
        output.append(process.stdout.readline())
        return when in output[-1]

    wait_for(reached, process)
    known = [
        json.loads((tmp_path / f"{name}.json").read_text())["pid"]
        for name in PROGRAMS
        if (tmp_path / f"{name}.json").exists()
    ]
    assert known
    process.send_signal(signal.SIGINT)
    status, rest = finish(process)
    assert status == 130, "".join(output) + rest
    assert "Traceback" not in rest
    assert not any(is_running(pid) for pid in known)


@pytest.mark.timeout(180)
def test_a_demo_that_is_killed_takes_its_programs_with_it(tmp_path):
    process = start(tmp_path, seconds=60)
    wait_for(lambda: all((tmp_path / f"{name}.json").exists() for name in PROGRAMS), process)
    known = [json.loads((tmp_path / f"{name}.json").read_text())["pid"] for name in PROGRAMS]
    process.kill()
    process.wait()
    process.stdout.close()
    end_s = time.monotonic() + DEADLINE_S
    while any(is_running(pid) for pid in known):
        assert time.monotonic() < end_s
        time.sleep(0.05)
