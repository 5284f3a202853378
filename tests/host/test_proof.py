"""The runner of the long forms, with small suites, and the long forms of the session in small."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUNNER = ROOT / "tests" / "proof" / "run.py"
PASSING = """
def run(seed, scale, scratch):
    (scratch / "file").write_text("")
    return {"tried": int(100 * scale), "failed": 0, "planted_caught": True, "notes": [str(seed)]}
"""
SESSION_SUITES = ("fuzz", "session_cut", "socket_calls", "cancel")


class Proof:
    """A folder of suites and a record of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.record = folder / "build" / "proof.json"

    def write(self, name, text):
        (self.folder / f"suite_{name}.py").write_text(text)

    def answering(self, name, **changes):
        answer = {"tried": 5, "failed": 0, "planted_caught": True, "notes": [], **changes}
        self.write(name, f"def run(seed, scale, scratch):\n    return {answer!r}\n")

    def command(self, *arguments):
        options = ["--folder", str(self.folder), "--record", str(self.record)]
        return [sys.executable, str(RUNNER), *options, *arguments]

    def start(self):
        return subprocess.Popen(self.command(), stdout=subprocess.DEVNULL)

    def run(self, *arguments):
        return subprocess.run(
            self.command(*arguments),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def entries(self):
        return {entry["name"]: entry for entry in json.loads(self.record.read_text())["suites"]}


@pytest.fixture
def proof(tmp_path):
    return Proof(tmp_path)


def test_a_suite_that_passes_is_recorded_with_its_seed(proof):
    proof.write("good", PASSING)
    done = proof.run("--seed", "7", "--scale", "0.5")
    assert done.returncode == 0, done.stderr
    entry = proof.entries()["good"]
    assert entry.pop("seconds") >= 0
    assert entry == {"name": "good", "tried": 50, "failed": 0, "planted_caught": True, "seed": 7}
    assert "seed 7  ok" in done.stdout and "    7\n" in done.stdout


def test_without_a_seed_each_run_has_another_and_tells_it(proof):
    proof.write("good", PASSING)
    seeds = set()
    for _ in range(3):
        done = proof.run()
        seeds.add(proof.entries()["good"]["seed"])
        assert f"seed {proof.entries()['good']['seed']}" in done.stdout
    assert len(seeds) > 1


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"failed": 2, "notes": ["case 3", "case 4"]}, "2 failed"),
        ({"planted_caught": False}, "the planted fault was not caught"),
        ({"tried": 0}, "nothing was tried"),
    ],
)
def test_a_suite_that_proves_nothing_fails_the_run(proof, changes, verdict):
    proof.answering("bad", **changes)
    proof.write("good", PASSING)
    done = proof.run()
    assert done.returncode == 1
    assert verdict in done.stdout
    for note in changes.get("notes", []):
        assert f"    {note}\n" in done.stdout
    assert set(proof.entries()) == {"bad", "good"}


def test_a_suite_that_crashes_has_failed_and_shows_where(proof):
    proof.write("crash", "def run(seed, scale, scratch):\n    raise KeyError('planted')\n")
    done = proof.run()
    assert done.returncode == 1
    assert "no result" in done.stdout and "KeyError: 'planted'" in done.stdout
    assert proof.entries()["crash"]["failed"] == 1


def test_a_suite_whose_answer_is_none_has_failed(proof):
    proof.write("odd", "def run(seed, scale, scratch):\n    return {'tried': 3}\n")
    assert proof.run().returncode == 1
    assert proof.entries()["odd"]["failed"] == 1


def test_a_suite_that_hangs_is_ended_with_all_that_it_started(proof):
    proof.write(
        "hang",
        f"""
import subprocess, sys
LIMIT_S = 1
def run(seed, scale, scratch):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    open({str(proof.folder / "pid")!r}, "w").write(str(child.pid))
    child.wait()
""",
    )
    began = time.monotonic()
    done = proof.run()
    assert time.monotonic() - began < 30
    assert done.returncode == 1 and "still running after 1 s" in done.stdout
    assert proof.entries()["hang"]["failed"] == 1
    pid = int((proof.folder / "pid").read_text())
    assert ended(pid)


def test_a_run_that_is_ended_ends_its_suites(proof):
    started = proof.folder / "pid"
    proof.write(
        "long",
        f"""
import os, time
def run(seed, scale, scratch):
    open({str(started)!r} + ".new", "w").write(str(os.getpid()))
    os.rename({str(started)!r} + ".new", {str(started)!r})
    time.sleep(60)
""",
    )
    with proof.start() as process:
        for _ in range(400):
            if started.exists():
                break
            time.sleep(0.05)
        process.terminate()
        assert process.wait(timeout=20) != 0
    assert ended(int(started.read_text()))


def ended(pid):
    """Tell whether a process is gone, or will be when its parent looks, within a while."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_a_suite_replaces_its_own_entry_only(proof):
    proof.write("one", PASSING)
    proof.write("two", PASSING)
    assert proof.run("--seed", "1").returncode == 0
    proof.answering("two", tried=6)
    assert proof.run("two", "--seed", "2").returncode == 0
    entries = proof.entries()
    assert entries["one"]["seed"] == 1 and entries["one"]["tried"] == 100
    assert entries["two"]["seed"] == 2 and entries["two"]["tried"] == 6


def test_a_record_that_cannot_be_read_is_written_anew(proof):
    proof.record.parent.mkdir()
    proof.record.write_text("{")
    proof.write("one", PASSING)
    assert proof.run().returncode == 0
    assert set(proof.entries()) == {"one"}


def test_a_name_that_is_none_is_refused_with_those_there_are(proof):
    proof.write("one", PASSING)
    done = proof.run("three")
    assert done.returncode != 0
    assert "no suite three; there are: one" in done.stderr
    assert not proof.record.exists()


def test_the_longest_suites_start_first_and_no_more_than_there_are_jobs(proof):
    marking = """
import time
SECONDS = {seconds}
def run(seed, scale, scratch):
    with open({log!r}, "a") as log:
        log.write("{name} ")
    time.sleep(0.2)
    with open({log!r}, "a") as log:
        log.write("/{name} ")
    return {{"tried": 1, "failed": 0, "planted_caught": True, "notes": []}}
"""
    log = proof.folder / "log"
    for name, seconds in (("a", 1), ("b", 300), ("c", 20)):
        proof.write(name, marking.format(name=name, seconds=seconds, log=str(log)))
    assert proof.run("--jobs", "1").returncode == 0
    assert log.read_text() == "b /b c /c a /a "


@pytest.mark.parametrize("name", SESSION_SUITES)
def test_the_suites_of_the_session_pass_in_small_and_catch_what_is_planted(tmp_path, name):
    record = tmp_path / "proof.json"
    command = [sys.executable, RUNNER, name, "--scale", "0.003", "--seed", "1"]
    done = subprocess.run(
        [*map(str, command), "--record", str(record)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env=dict(os.environ),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (entry,) = json.loads(record.read_text())["suites"]
    assert entry["tried"] > 10 and entry["planted_caught"]
