"""Ten thousand schedules of a WLAN in trouble, each of which has to end with the agent connected.

Within the time that README.md states, with no connect() while the driver is at work, and with at
most one reset of the radio in five minutes; half of them on each interpreter.
"""

from pathlib import Path

from driver import Sum, programs

FULL = 10_000
SECONDS = 50


def run(seed: int, scale: float, _scratch: Path) -> dict[str, object]:
    total = Sum()
    every = programs()
    count = max(100, round(FULL * scale / len(every)))
    for number, program in enumerate(every):
        total.add(program, "wifi_schedules", number * count, count, seed)
    return total.result()
