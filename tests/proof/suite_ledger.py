"""Thousands of honest histories through the ledger, each falsified in four of nine ways.

What a device does without losing anything must add up, to the reading: outages, power cuts,
resets, drops, duplicates, late arrivals, all topic trees, with and without a clock. One reading
that is lost, a range, a report of drops that is too short or is not there, and a reading that was
in flash and does not come must be seen; what comes twice, late or in part must be shown as that.

The planted faults are three ledgers that are wrong: one that forgives, one that does not count
duplicates, and one that takes no notice of what was in flash.
"""

from pathlib import Path

from ledger_mutations import try_seeds
from ledger_wrong import WRONG

NAME = "ledger"
SECONDS = 95
LIMIT_S = 600
HISTORIES = 2000
PLANTED = 30


def run(seed: int, scale: float, _scratch: Path) -> dict[str, object]:
    first = seed * HISTORIES
    tried, complaints = try_seeds(range(first, first + max(1, round(HISTORIES * scale))))
    some = range(first, first + PLANTED)
    caught = [bool(try_seeds(some, kind)[1]) for kind in WRONG]
    return {
        "tried": tried,
        "failed": len(complaints),
        "planted_caught": all(caught),
        "notes": complaints,
    }
