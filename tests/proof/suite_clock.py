"""Every clock a board may start with, against every answer a time server may give.

A true time is taken, a false one never, and each reading has the right time or none.
"""

from pathlib import Path

from driver import sweep

SECONDS = 60


def run(seed: int, scale: float, _scratch: Path) -> dict[str, object]:
    return sweep("clock_matrix", seed, scale)
