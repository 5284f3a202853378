"""What fifty devices can do to each other: every pair, reading, writing and taking over.

Tried are 50 x 50 subscriptions, writes and logins with real clients at the sandbox's real broker.
The planted fault is a sandbox whose devices may do everything in all devices' topics.
"""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "system")]

from acl_matrix import CARELESS, breaches  # noqa: E402
from sandbox_rig import running  # noqa: E402

NAME = "acl"
SECONDS = 60
LIMIT_S = 240
DEVICES = 50
FEW = 5


def run(seed, scale, scratch):
    """Seed is not used: all pairs are tried, in order."""
    sound, careless = scratch / "sound", scratch / "careless"
    for folder in (sound, careless):
        folder.mkdir()
    with running(sound) as sandbox:
        tried, found = breaches(sandbox, max(FEW, round(DEVICES * scale)))
    with running(careless, command=CARELESS) as sandbox:
        planted = breaches(sandbox, FEW)[1]
    return {
        "tried": tried,
        "failed": len(found),
        "planted_caught": any(" read " in line for line in planted)
        and any(" wrote " in line for line in planted),
        "notes": found[:10],
    }
