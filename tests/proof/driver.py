"""What the suites have in common: drivers on MicroPython, which answer with a line of JSON."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEVICE = ROOT / "tests" / "proof" / "device"


def programs() -> list[str]:
    """Return the interpreters there are: 64-bit, and 32-bit where the machine can run it."""
    return [os.environ[name] for name in ("MICROPYTHON", "MICROPYTHON32") if name in os.environ]


class Sum:
    """What all drivers of one suite answered."""

    def __init__(self) -> None:
        self.tried = self.failed = 0
        self.is_caught = True
        self.notes: list[str] = []

    def add(
        self, program: str, name: str, *arguments: object, heap: str = "16m", limit_s: float = 600
    ) -> dict:
        """Run a driver; one that does not answer is a failure and has caught nothing."""
        command = [program, "-X", f"heapsize={heap}", str(DEVICE / f"{name}.py")]
        command += [str(argument) for argument in arguments]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=limit_s, check=False
        )
        try:
            answer = json.loads(done.stdout.splitlines()[-1])
        except (IndexError, ValueError):
            said = f"{done.stdout[-500:]}{done.stderr[-500:]}"
            note = f"{Path(program).name} {name} {arguments}: status {done.returncode}: {said}"
            answer = {"tried": 0, "failed": 1, "failures": [note], "caught": False}
        self.tried += answer["tried"]
        self.failed += answer["failed"]
        self.notes += answer["failures"]
        self.is_caught = self.is_caught and answer["caught"]
        return answer

    def result(self) -> dict[str, object]:
        return {
            "tried": self.tried,
            "failed": self.failed,
            "planted_caught": self.is_caught,
            "notes": self.notes,
        }


def sweep(name: str, seed: int, scale: float) -> dict[str, object]:
    """Have both interpreters try each case of a driver, or a share of them if scale is below 1."""
    shares = max(1, round(1 / scale))
    total = Sum()
    for number, program in enumerate(programs()):
        total.add(program, name, (seed + number) % shares, shares, seed + number)
    return total.result()
