"""The account of the readings of one boot: what is known of it, and what that leaves missing."""

from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil
from typing import Any, TypeGuard

from ways_device.sandbox import wire
from ways_device.sandbox.ranges import Range, Ranges, head, intersect, size, subtract, union
from ways_device.sandbox.wire import Json

NUMBER_MAX = 0xFFFF_FFFF
# How long a device keeps a reading in RAM only where it does not say so itself, and what it can
# say: the agent's own default and least, and a sleeper that comes once a week and is then awake
# for as long as it may be.
FLUSH_AFTER_S = 60
_FLUSH_RANGE_S = (5, 7 * 86400 + 600)


@dataclass
class Boot:
    """What is known of one boot."""

    delivered: int = 0
    duplicates: int = 0
    late: int = 0
    partial: int = 0
    # Ranges of delivered seqs, and when the last reading of each was taken.
    arrived: Ranges = field(default_factory=list)
    taken_at: list[float] = field(default_factory=list)
    # Sets: an event that arrives twice says nothing new.
    dropped: set[tuple[int, int, int]] = field(default_factory=set)
    lost: set[Range] = field(default_factory=set)
    highest: int = -1
    durable: int = -1
    # How far back a power cut can reach, None where the device did not say it for this boot.
    flush_after_s: float | None = None


def is_number(value: Any) -> TypeGuard[int]:
    """True for what can be a boot or a seq."""
    return type(value) is int and 0 <= value <= NUMBER_MAX


def are_numbers(said: Json, *keys: str) -> bool:
    return all(is_number(said.get(key)) for key in keys)


def flush_after_s(said: Any) -> float | None:
    """Return what a device says of its own flush_after_s, None if it says nothing that can be."""
    value: Any = said.get("flush_after_s") if isinstance(said, dict) else None
    least, most = _FLUSH_RANGE_S
    return float(value) if wire.is_number(value) and least <= value <= most else None


def enter_dropped(said: Json, boots: dict[int, Boot]) -> None:
    if not are_numbers(said, "boot", "from", "to") or said["from"] > said["to"]:
        return
    count = said.get("count", said["to"] - said["from"] + 1)
    if is_number(count):
        boot = boots[said["boot"]]
        boot.dropped.add((said["from"], said["to"], count))
        boot.highest = max(boot.highest, said["to"])


def enter_opened(said: Json, boots: dict[int, Boot], begin: Range) -> None:
    boot = boots[said["boot"]]
    boot.highest = max(boot.highest, said["next_seq"] - 1)
    boot.flush_after_s = flush_after_s(said) or boot.flush_after_s
    if are_numbers(said, "lost_from", "lost_to") and said["lost_from"] <= said["lost_to"]:
        boot.lost.add((said["lost_from"], said["lost_to"]))
    durable = said.get("last_durable")
    if not isinstance(durable, dict) or not are_numbers(durable, "boot", "seq"):
        return
    # All of an older boot may have been delivered elsewhere, unless this ledger knows of it.
    if durable["boot"] >= begin[0] or durable["boot"] in boots:
        durable_boot = boots[durable["boot"]]
        durable_boot.durable = max(durable_boot.durable, durable["seq"])
        durable_boot.highest = max(durable_boot.highest, durable["seq"])


def floor(number: int, boot: Boot, begin: Range | None) -> int:
    """Return the first seq that a boot owes to this ledger.

    A device that comes from elsewhere owes nothing it took before it first opened here, but for
    what it still has to deliver.
    """
    if begin is None or number > begin[0]:
        return 0
    opened = begin[1] if number == begin[0] else boot.highest + 1
    return min([opened, *(first for first, _ in boot.arrived[:1])])


def account(number: int, boot: Boot, first_seq: int, is_over: bool, flush_s: float) -> Json:
    """Return the account of one boot, of the readings from first_seq on."""
    left = subtract([(first_seq, boot.highest)] if boot.highest >= first_seq else [], boot.arrived)
    lost = intersect(left, union(boot.lost))
    cut = subtract(intersect(left, _may_be_cut(boot, flush_s)) if is_over else [], lost)
    volatile = union([*lost, *cut])
    left, volatile, dropped = _without_dropped(boot, subtract(left, volatile), volatile)
    return {
        "boot": number,
        "highest_seq": boot.highest,
        "delivered": boot.delivered,
        "duplicates": boot.duplicates,
        "late": boot.late,
        "partial": boot.partial,
        "dropped": dropped,
        "volatile": size(volatile),
        "tail_unknown": is_over,
        "flush_after_s": flush_s,
        "missing": [list(gap) for gap in left],
    }


def _without_dropped(boot: Boot, left: Ranges, volatile: Ranges) -> tuple[Ranges, Ranges, int]:
    """Take what was reported as dropped out of both. Returns them, and how many that were.

    A report tells how many readings of its range were dropped, not which: first those that
    nothing else explains. Of reports that overlap, the one that ends first is the narrower choice.
    """
    dropped = 0
    for first, last, count in sorted(boot.dropped, key=lambda report: (report[1], report[0])):
        unexplained = head(intersect(left, [(first, last)]), count)
        others = head(intersect(volatile, [(first, last)]), count - size(unexplained))
        left, volatile = subtract(left, unexplained), subtract(volatile, others)
        dropped += size(unexplained) + size(others)
    return left, volatile, dropped


def _may_be_cut(boot: Boot, flush_s: float) -> Ranges:
    """Return the seqs that a power cut may have taken: not in flash, and of the last moments.

    When a missing reading was taken is reckoned from its neighbours, at an even pace between
    them. What is missing before the first reading that arrived has none, and no excuse.
    """
    if not boot.arrived:
        return []
    since_s = boot.taken_at[-1] - flush_s
    known = [
        (last, taken_s) for (_, last), taken_s in zip(boot.arrived, boot.taken_at, strict=True)
    ]
    ranges = []
    for (seq, taken_s), (next_seq, next_s) in pairwise(known):
        first = max(seq, boot.durable) + 1
        if taken_s < since_s and next_s > taken_s:
            share = (since_s - taken_s) / (next_s - taken_s)
            first = max(first, seq + ceil(share * (next_seq - seq)))
        if first <= next_seq and (next_s >= since_s or taken_s >= since_s):
            ranges.append((first, next_seq))
    return ranges
