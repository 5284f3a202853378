"""Measures the agent: `run.py [GROUP ...]`, all groups if none is named.

Prints a table and writes build/bench.json. A run replaces only the figures it measured.
"""

import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ways_device import toolchain
from ways_device.errors import ToolError

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "build" / "bench.json"
GROUPS = (
    "modules",
    "flash",
    "heap",
    "wire",
    "drain",
    "recovery",
    "lateness",
    "awake",
    "sandbox",
    "rules",
    "provisioning",
)
# What keeps one group from being measured, but not the others.
TROUBLE = (AssertionError, OSError, RuntimeError, subprocess.SubprocessError, ToolError)


def main(words):
    """Measure, print, keep. Returns the exit status: 1 if a group could not be measured."""
    unknown = [word for word in words if word not in GROUPS]
    if unknown:
        print(f"bench: no group {unknown[0]}; there are {', '.join(GROUPS)}", file=sys.stderr)
        return 2
    # The proxy, the certificates and the identity are those of the tests.
    sys.path[1:1] = [str(ROOT / place) for place in ("tests", "tests/system", "tools")]
    try:
        os.environ.update(toolchain.for_tests())
        toolchain.device_lib()
    except ToolError as exc:
        print(f"bench: {exc}", file=sys.stderr)
        return exc.exit_code
    failed = []
    for group in words or GROUPS:
        try:
            keep(measured(group))
        except TROUBLE as exc:
            failed.append(group)
            print(f"bench: {group}: {exc}", file=sys.stderr)
    return 1 if failed else 0


def measured(group):
    """Run one group on a ground of its own; print and return its figures."""
    from figures import table
    from ground import Ground
    from progress import say

    say(group)
    started_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Ground(Path(folder)) as ground:
        found = importlib.import_module(group).measure(ground, kept())
    say(f"{group}: {time.monotonic() - started_s:.0f} s")
    print(table(found), flush=True)
    return found


def kept():
    """Return the figures of the runs before."""
    try:
        return json.loads(RESULTS.read_text())
    except (OSError, ValueError):
        return {}


def keep(found):
    """Put figures in the place of those of the same keys."""
    draft = RESULTS.with_suffix(".draft")
    RESULTS.parent.mkdir(exist_ok=True)
    draft.write_text(json.dumps({**kept(), **found}, indent=2, sort_keys=True) + "\n")
    draft.replace(RESULTS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
