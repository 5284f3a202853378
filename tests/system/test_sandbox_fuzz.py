"""No call can make the sandbox's API fail: some of each, made up. The proof makes many more."""

import platform_world
from api_fuzz import BROKEN, BROKEN_PATH, fuzz
from sandbox_rig import running

SEED = 20
EXAMPLES = 6


def test_made_up_calls_are_answered_or_refused(tmp_path):
    with running(tmp_path) as sandbox:
        made, broken = fuzz(sandbox, platform_world.World(sandbox).ids, SEED, EXAMPLES)
        assert broken == []
        assert made > 59 * EXAMPLES / 2
        assert sandbox.get("/stats")["total_devices"] >= 0


def test_a_call_that_breaks_is_found(tmp_path):
    with running(tmp_path, command=BROKEN) as sandbox:
        assert fuzz(sandbox, {}, SEED, 50, only=BROKEN_PATH)[1]
