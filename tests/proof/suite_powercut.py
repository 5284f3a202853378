"""Power cuts in every flash operation, torn or whole, some of them twice, some out of order.

The stories are those of tests/proof/device/powercut.py: a log that grows, one that is drained
while more comes, one that is full and drops its oldest, and a file that is replaced. Each with
many seeds, on both interpreters; a cut is told from another by story, seed, operation and tear.
"""

import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DRIVER = ROOT / "tests" / "proof" / "device" / "powercut.py"
STORIES = ("grow", "drain", "full", "replace")
FULL = 100_000
NESTED = 60
SECONDS = 170
_ONE_S = 120
PLANTED = """
import sys
sys.path[:] = [".frozen", ".", "lib", "tests", "tests/proof/device"]
import powercut
caught = powercut.sweep("grow", {seed}, 10**6, 0, planted=True)[1]
caught = caught and powercut.replacements({seed}, planted=True)[1]
print('{{"caught": %s}}' % ("true" if caught else "false"))
"""


def run(seed: int, scale: float, scratch: Path) -> dict[str, object]:
    """Cut until enough was tried; see tests/proof/README.md for what is returned."""
    programs = [
        os.environ[name] for name in ("MICROPYTHON", "MICROPYTHON32") if name in os.environ
    ]
    planted = scratch / "planted.py"
    planted.write_text(PLANTED.format(seed=seed))
    caught = all(_answer(program, str(planted))["caught"] for program in programs)
    tried = failed = 0
    notes: list[str] = []
    step = 0
    while tried < FULL * scale and not failed:
        story = STORIES[step % len(STORIES)]
        program = programs[step // len(STORIES) % len(programs)]
        answer = _answer(program, str(DRIVER), story, str(seed + step), str(NESTED))
        tried += answer["tried"]
        failed += answer["failed"]
        notes += answer["failures"]
        step += 1
    return {"tried": tried, "failed": failed, "planted_caught": caught, "notes": notes}


def _answer(program: str, *arguments: str) -> dict:
    done = subprocess.run(
        [program, "-X", "heapsize=16m", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=_ONE_S,
        check=False,
    )
    if done.returncode:
        failure = f"{arguments}: {done.stdout[-500:]}{done.stderr[-500:]}"
        return {"tried": 0, "failed": 1, "failures": [failure], "caught": False}
    return json.loads(done.stdout.splitlines()[-1])
