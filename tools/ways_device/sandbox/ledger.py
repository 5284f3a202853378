"""The account of every reading a device took: delivered, reported lost, or missing.

Knows nothing of the agent's code, only what devices say on the wire:

    telemetry             carries boot and seq; within a boot, seq counts up from 0
    store_opened          {boot, next_seq, lost_from, lost_to, last_durable: {boot, seq} | null}
    readings_dropped      {boot, from, to, count, reason}

A reading is counted once: delivered, else dropped, else volatile, else missing. It adds up when
nothing is missing. A boot that another boot followed ended in a power cut: what it took after
its highest known seq nobody saw, which is shown as tail_unknown.

    late        delivered after a reading that was taken later (the backlog of an outage)
    volatile    lost from RAM: in a reported range, or a gap in the last moments before a power cut
"""

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from ways_device.sandbox.db import Db
from ways_device.sandbox.events import Events
from ways_device.sandbox.ranges import Range, Ranges, head, intersect, size, subtract, union
from ways_device.sandbox.wire import Json

NUMBER_MAX = 0xFFFF_FFFF
# How long a device may keep a reading in RAM only, so how far back a power cut can reach.
_FLUSH_AFTER_S = 60

# Delivered readings as runs without a gap: in one run, seq less its place in order is constant.
# taken_at is that of the row which has the max: SQLite promises so.
_RUNS = """
SELECT boot, max(seq) AS last, count(*) AS readings, sum(extra) AS extra, sum(late) AS late,
    taken_at
FROM (
    SELECT *, seq - row_number() OVER (PARTITION BY boot ORDER BY seq) AS run
    FROM (
        SELECT boot, seq, sum(copies - 1) AS extra, max(late) AS late, min(taken_at) AS taken_at
        FROM deliveries WHERE device_id = ? GROUP BY boot, seq
    )
)
GROUP BY boot, run ORDER BY boot, last
"""


@dataclass
class _Boot:
    """What is known of one boot."""

    delivered: int = 0
    duplicates: int = 0
    late: int = 0
    # Ranges of delivered seqs, and when the last reading of each was taken.
    arrived: Ranges = field(default_factory=list)
    taken_at: list[float] = field(default_factory=list)
    # Sets: an event that arrives twice says nothing new.
    dropped: set[tuple[int, int, int]] = field(default_factory=set)
    lost: set[Range] = field(default_factory=set)
    highest: int = -1
    durable: int = -1


class Ledger:
    def __init__(self, db: Db, events: Events) -> None:
        self._db = db
        self._events = events

    def deliver(self, device_id: str, boot: int, seq: int, part: str, taken_at: float) -> bool:
        """Enter one message of a reading. Returns False if it is a duplicate."""
        is_again = self._db.run(
            "UPDATE deliveries SET copies = copies + 1"
            " WHERE device_id = ? AND boot = ? AND seq = ? AND part = ?",
            device_id,
            boot,
            seq,
            part,
        )
        if is_again:
            return False
        later = "SELECT 1 FROM deliveries WHERE device_id = ? AND (boot, seq) > (?, ?) LIMIT 1"
        is_late = self._db.one(later, device_id, boot, seq) is not None
        sql = "INSERT INTO deliveries VALUES (?, ?, ?, ?, 1, ?, ?)"
        self._db.run(sql, device_id, boot, seq, part, is_late, taken_at)
        return True

    def report(self, device_id: str) -> Json:
        """Return the account of all boots of the device."""
        boots: dict[int, _Boot] = defaultdict(_Boot)
        self._read_deliveries(device_id, boots)
        begin = self._read_events(device_id, boots)
        newest = max(boots, default=0)
        rows = [
            _account(number, boot, _floor(number, boot, begin), is_over=number < newest)
            for number, boot in sorted(boots.items())
        ]
        return {
            "device_id": device_id,
            "boots": rows,
            "adds_up": not any(row["missing"] for row in rows),
        }

    def _read_deliveries(self, device_id: str, boots: dict[int, _Boot]) -> None:
        for row in self._db.all(_RUNS, device_id):
            boot = boots[row["boot"]]
            boot.delivered += row["readings"]
            boot.duplicates += row["extra"]
            boot.late += row["late"]
            boot.highest = row["last"]
            boot.arrived.append((row["last"] - row["readings"] + 1, row["last"]))
            boot.taken_at.append(row["taken_at"])

    def _read_events(self, device_id: str, boots: dict[int, _Boot]) -> Range | None:
        """Enter what the device reported. Returns boot and next_seq of its first store_opened."""
        begin = None
        for event in self._events.of(device_id, ("store_opened", "readings_dropped")):
            said = event["metadata"]
            if event["event_type"] == "readings_dropped":
                _enter_dropped(said, boots)
            elif _are_numbers(said, "boot", "next_seq"):
                begin = begin or (said["boot"], said["next_seq"])
                _enter_opened(said, boots, begin)
        return begin


def is_number(value: Any) -> TypeGuard[int]:
    """True for what can be a boot or a seq."""
    return type(value) is int and 0 <= value <= NUMBER_MAX


def _are_numbers(said: Json, *keys: str) -> bool:
    return all(is_number(said.get(key)) for key in keys)


def _enter_dropped(said: Json, boots: dict[int, _Boot]) -> None:
    if not _are_numbers(said, "boot", "from", "to") or said["from"] > said["to"]:
        return
    count = said.get("count", said["to"] - said["from"] + 1)
    if is_number(count):
        boot = boots[said["boot"]]
        boot.dropped.add((said["from"], said["to"], count))
        boot.highest = max(boot.highest, said["to"])


def _enter_opened(said: Json, boots: dict[int, _Boot], begin: Range) -> None:
    boot = boots[said["boot"]]
    boot.highest = max(boot.highest, said["next_seq"] - 1)
    if _are_numbers(said, "lost_from", "lost_to") and said["lost_from"] <= said["lost_to"]:
        boot.lost.add((said["lost_from"], said["lost_to"]))
    durable = said.get("last_durable")
    if not isinstance(durable, dict) or not _are_numbers(durable, "boot", "seq"):
        return
    # All of an older boot may have been delivered elsewhere, unless this ledger knows of it.
    if durable["boot"] >= begin[0] or durable["boot"] in boots:
        durable_boot = boots[durable["boot"]]
        durable_boot.durable = max(durable_boot.durable, durable["seq"])
        durable_boot.highest = max(durable_boot.highest, durable["seq"])


def _floor(number: int, boot: _Boot, begin: Range | None) -> int:
    """Return the first seq that a boot owes to this ledger.

    A device that comes from elsewhere owes nothing it took before it first opened here, but for
    what it still has to deliver.
    """
    if begin is None or number > begin[0]:
        return 0
    opened = begin[1] if number == begin[0] else boot.highest + 1
    return min([opened, *(first for first, _ in boot.arrived[:1])])


def _account(number: int, boot: _Boot, floor: int, is_over: bool) -> Json:
    """Return the account of one boot, of the readings from floor on."""
    left = subtract([(floor, boot.highest)] if boot.highest >= floor else [], boot.arrived)
    dropped = 0
    for first, last, count in sorted(boot.dropped):
        part = head(intersect(left, [(first, last)]), count)
        dropped += size(part)
        left = subtract(left, part)
    lost = intersect(left, union(boot.lost))
    left = subtract(left, lost)
    cut = [gap for gap in left if is_over and _is_cut(gap, boot)]
    left = subtract(left, cut)
    return {
        "boot": number,
        "highest_seq": boot.highest,
        "delivered": boot.delivered,
        "duplicates": boot.duplicates,
        "late": boot.late,
        "dropped": dropped,
        "volatile": size(lost) + size(cut),
        "tail_unknown": is_over,
        "missing": [list(gap) for gap in left],
    }


def _is_cut(gap: Range, boot: _Boot) -> bool:
    """True if a power cut may have taken this gap: not in flash, and from the last moments."""
    if gap[0] <= boot.durable or not boot.taken_at:
        return False
    runs_before = bisect_left(boot.arrived, gap[0], key=lambda run: run[1])
    end_s = boot.taken_at[-1]
    return runs_before > 0 and boot.taken_at[runs_before - 1] >= end_s - _FLUSH_AFTER_S
