"""A hundred brown-outs at random moments of a start: no kept reading is lost, identity and
settings are whole, no start erases more than two blocks, and none counts as one that failed.

Real parts: the virtual board with its flash, the sandbox, its broker. The planted fault is a board
that takes brown-outs for failures of its own.
"""

import random
import re
import sys
import traceback
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "system")]

from recovery_rig import Dips, made  # noqa: E402

NAME = "brownouts"
SECONDS = 110
LIMIT_S = 600
BROWN_OUTS = 100
MOST_S = 1.2
PLANTED = 8


def run(seed, scale, scratch):
    chance = random.Random(seed)
    count = max(1, round(BROWN_OUTS * scale))
    notes = []
    with made(scratch, "--set", "flush_after_s=5") as here:
        with here.case() as case:
            try:
                dips = Dips(case)
                dips.fall(chance, count, MOST_S)
                dips.check()
            except AssertionError:
                notes.append(f"seed {seed}: {traceback.format_exc().strip()[-500:]}")
        caught = _planted(here, chance)
    return {
        "tried": count,
        "failed": len(notes),
        "planted_caught": caught,
        "notes": notes,
    }


def _planted(here, chance):
    with here.case() as case:
        boot = case.run_on("print(open('/boot.py').read())")
        # What the board has is packed: its variables have other names.
        ours, count = re.subn(r"\((\w+)\.HARD_RESET,", r"(\1.PWRON_RESET, \1.HARD_RESET,", boot)
        assert count == 1
        case.write("/boot.py", ours)
        case.mpremote("reset")
        dips = Dips(case)
        dips.fall(chance, PLANTED, MOST_S / 2)
        try:
            dips.check()
        except AssertionError:
            return True
        return False
