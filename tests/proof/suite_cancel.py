"""The session is cancelled at every step that any of its tasks makes, and started again.

So are those who wait for it to publish or to subscribe. What was begun is closed and not used
again, no task and no socket is left, and every reading arrives. Each case a second time with a
link that is cut too.
"""

from pathlib import Path

from driver import sweep

SECONDS = 60


def run(seed: int, scale: float, _scratch: Path) -> dict[str, object]:
    return sweep("session_cancel", seed, scale)
