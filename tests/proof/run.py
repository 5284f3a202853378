"""Run the long forms of the tests: run.py [NAME ...] [--seed N] [--scale X].

Each suite is a process of its own with a hard time limit, as many at a time as there are cores,
those that last longest first. tests/proof/README.md says what a suite is.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import fcntl
import importlib.util
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ways_device import toolchain
from ways_device.errors import ToolError

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
RECORD = ROOT / "build" / "proof.json"
PREFIX = "suite_"
# Where a suite does not say how long it takes, and how long it may take.
USUAL_S = 60
LIMIT_S = 900
POLL_S = 0.05
NOTES_SHOWN = 10
TAIL_LINES = 20


@dataclass
class Suite:
    """One file suite_NAME.py; its SECONDS and LIMIT_S are read without running it."""

    name: str
    path: Path
    seconds: float = USUAL_S
    limit_s: float = LIMIT_S

    @classmethod
    def from_file(cls, path: Path) -> Suite:
        suite = cls(path.stem.removeprefix(PREFIX), path)
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                target = ast.unparse(node.targets[0])
                if target == "SECONDS":
                    suite.seconds = float(node.value.value)
                elif target == "LIMIT_S":
                    suite.limit_s = float(node.value.value)
        return suite


@dataclass
class Result:
    name: str
    seed: int
    tried: int = 0
    failed: int = 0
    planted_caught: bool = False
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    trouble: str = ""  # why there is no result of the suite's own

    @property
    def verdict(self) -> str:
        if self.trouble:
            return self.trouble
        if self.failed:
            return f"{self.failed} failed"
        if not self.tried:
            return "nothing was tried"
        return "ok" if self.planted_caught else "the planted fault was not caught"

    def entry(self) -> dict[str, object]:
        return {
            "name": self.name,
            "tried": self.tried,
            # A suite without a result of its own has failed, whatever it had tried by then.
            "failed": max(self.failed, 1) if self.trouble else self.failed,
            "planted_caught": self.planted_caught,
            "seed": self.seed,
            "seconds": round(self.seconds, 1),
        }


class Running:
    """One suite in its own process, with all that this process starts."""

    def __init__(self, suite: Suite, seed: int, scale: float) -> None:
        self.suite = suite
        self._result = Result(suite.name, seed)
        self._started = time.monotonic()
        self._folder = tempfile.TemporaryDirectory(prefix=f"proof-{suite.name}-")
        scratch = Path(self._folder.name)
        self._answer = scratch / "answer.json"
        self._output = scratch / "output.txt"
        (scratch / "scratch").mkdir()
        command = [sys.executable, __file__, "--suite", str(suite.path), str(self._answer)]
        command += ["--seed", str(seed), "--scale", str(scale)]
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def poll(self) -> Result | None:
        """Return the result if there is one; end a suite that is over its limit."""
        status = self._process.poll()
        self._result.seconds = time.monotonic() - self._started
        if status is None and self._result.seconds <= self.suite.limit_s:
            return None
        self.end()
        if status is None:
            self._result.trouble = f"still running after {self.suite.limit_s:g} s"
        elif not self._read():
            self._result.trouble = f"ended with status {status} and no result"
        if self._result.verdict != "ok":
            tail = self._output.read_text(errors="replace").splitlines()[-TAIL_LINES:]
            self._result.notes += tail
        self.clean()
        return self._result

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def clean(self) -> None:
        self._folder.cleanup()

    def _read(self) -> bool:
        try:
            answer = json.loads(self._answer.read_text(encoding="utf-8"))
            self._result.tried = int(answer["tried"])
            self._result.failed = int(answer["failed"])
            self._result.planted_caught = answer["planted_caught"] is True
            self._result.notes = [str(note) for note in answer["notes"]]
        except (OSError, ValueError, KeyError, TypeError):
            return False
        return True


def find(folder: Path, names: list[str]) -> list[Suite]:
    """Return the suites of these names, or all of them, the longest first."""
    suites = {
        suite.name: suite for suite in map(Suite.from_file, sorted(folder.glob(f"{PREFIX}*.py")))
    }
    unknown = [name for name in names if name not in suites]
    if unknown or not suites:
        raise SystemExit(f"proof: no suite {', '.join(unknown)}; there are: {', '.join(suites)}")
    chosen = [suites[name] for name in dict.fromkeys(names)] or list(suites.values())
    return sorted(chosen, key=lambda suite: -suite.seconds)


def run_all(suites: list[Suite], seed: int, scale: float, jobs: int) -> Iterator[Result]:
    """Run them and yield each result as soon as it is there."""
    waiting = list(suites)
    running: list[Running] = []
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(Running(waiting.pop(0), seed, scale))
            for one in list(running):
                result = one.poll()
                if result is not None:
                    running.remove(one)
                    yield result
            time.sleep(POLL_S)
    finally:
        for one in running:
            one.end()
            one.clean()


def keep(result: Result, path: Path) -> None:
    """Replace this suite's entry in the record, and no other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:  # another run may be writing as well
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            entries = json.loads(path.read_text(encoding="utf-8"))["suites"]
            entries = [entry for entry in entries if entry["name"] != result.name]
        except (OSError, ValueError, KeyError, TypeError):  # none yet, or not one of ours
            entries = []
        entries = sorted([*entries, result.entry()], key=lambda entry: entry["name"])
        new = path.with_suffix(f".{os.getpid()}.new")
        new.write_text(json.dumps({"suites": entries}, indent=1) + "\n", encoding="utf-8")
        new.replace(path)


def line_of(result: Result) -> str:
    caught = "yes" if result.planted_caught else "no"
    return (
        f"{result.name:<14} {result.tried:>9} tried {result.failed:>4} failed  planted caught: "
        f"{caught:<3} {result.seconds:7.1f} s  seed {result.seed}  {result.verdict}"
    )


def run_suite(path: Path, answer: Path, seed: int, scale: float) -> None:
    """Run one suite in this process and leave its answer in a file."""
    sys.path[:0] = [str(path.parent), str(ROOT / "tests")]
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    try:
        result = module.run(seed, scale, answer.parent / "scratch")
    except Exception:
        traceback.print_exc()
        raise SystemExit(1) from None
    new = answer.with_suffix(".new")
    new.write_text(json.dumps(result), encoding="utf-8")
    new.replace(answer)


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="proof", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="the suites to run; all of them")
    parser.add_argument("--seed", type=int, help="repeat a run (a new seed each time)")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full form (1.0)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many at a time")
    parser.add_argument("--record", type=Path, default=RECORD, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, default=FOLDER, help=argparse.SUPPRESS)
    parser.add_argument("--suite", nargs=2, type=Path, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    seed = random.randrange(1_000_000) if options.seed is None else options.seed
    if options.suite:
        run_suite(*options.suite, seed, options.scale)
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # end them all first
    suites = find(options.folder, options.names)
    try:
        os.environ.update(toolchain.for_tests())
        toolchain.device_lib()
    except ToolError as exc:
        print(f"proof: {exc}", file=sys.stderr)
        return exc.exit_code
    print(f"proof: {', '.join(suite.name for suite in suites)}; seed {seed}", flush=True)
    is_good = True
    for result in run_all(suites, seed, options.scale, options.jobs):
        print(line_of(result), flush=True)
        for note in result.notes[:NOTES_SHOWN] if not result.trouble else result.notes:
            print(f"    {note}", flush=True)
        keep(result, options.record)
        is_good = is_good and result.verdict == "ok"
    return 0 if is_good else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
