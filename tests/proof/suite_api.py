"""Calls made up from the sandbox's OpenAPI schema, right and wrong: none may be answered by a 5xx.

The planted fault is a sandbox in which creating a profile breaks if it has metadata.
"""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "system")]

import platform_world  # noqa: E402
from api_fuzz import BROKEN, BROKEN_PATH, fuzz  # noqa: E402
from sandbox_rig import running  # noqa: E402

NAME = "api"
SECONDS = 100
LIMIT_S = 300
EXAMPLES = 120
PLANTED_EXAMPLES = 60


def run(seed, scale, scratch):
    sound, planted = scratch / "sound", scratch / "planted"
    for folder in (sound, planted):
        folder.mkdir()
    with running(sound) as sandbox:
        ids = platform_world.World(sandbox).ids
        made, broken = fuzz(sandbox, ids, seed, max(2, round(EXAMPLES * scale)))
        sandbox.get("/devices")  # it still works
    with running(planted, command=BROKEN) as sandbox:
        found = fuzz(sandbox, {}, seed, PLANTED_EXAMPLES, only=BROKEN_PATH)[1]
    return {
        "tried": made,
        "failed": len(broken),
        "planted_caught": bool(found),
        "notes": broken[:10],
    }
