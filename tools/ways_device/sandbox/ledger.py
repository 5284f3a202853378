"""The account of every reading a device took: delivered, reported lost, or missing.

Knows nothing of the agent's code, only what devices say on the wire:

    telemetry             carries boot and seq; within a boot, seq counts up from 0
    store_opened          {boot, next_seq, lost_from, lost_to, last_durable: {boot, seq} | null}
    readings_dropped      {boot, from, to, count, reason}

A reading is counted once: delivered, else dropped, else volatile, else missing. A report of drops
that does not tell which of a range they were is first for those that nothing else explains. It
adds up when nothing is missing. A boot that another boot followed ended in a power cut: what it
took after its highest known seq nobody saw, which is shown as tail_unknown.

    late        delivered after a reading that was taken later (the backlog of an outage)
    partial     delivered in fewer messages than other readings of its boot, where each datapoint
                has a topic: a value that was not measured, or a message that is lost
    volatile    lost from RAM: in a reported range, or a gap in the last moments before a power cut

How long those moments are a device can say itself: flush_after_s, in seconds, in store_opened
for the boot that opened, else the one that it said for the boot before; or in its attributes,
else 60.
"""

import json
from collections import defaultdict

from ways_device.sandbox.boots import (
    FLUSH_AFTER_S,
    Boot,
    account,
    are_numbers,
    enter_dropped,
    enter_opened,
    floor,
    flush_after_s,
)
from ways_device.sandbox.db import Db
from ways_device.sandbox.events import Events
from ways_device.sandbox.ranges import Range
from ways_device.sandbox.wire import Json

_SUMS = ("delivered", "duplicates", "late", "partial", "dropped", "volatile", "tail_unknown")

# Delivered readings as runs without a gap: in one run, seq less its place in order is constant.
# taken_at is that of the row which has the max: SQLite promises so.
_RUNS = """
SELECT boot, max(seq) AS last, count(*) AS readings, sum(extra) AS extra, sum(late) AS late,
    sum(parts < most_parts) AS partial, taken_at
FROM (
    SELECT *, seq - row_number() OVER (PARTITION BY boot ORDER BY seq) AS run,
        max(parts) OVER (PARTITION BY boot) AS most_parts
    FROM (
        SELECT boot, seq, sum(copies - 1) AS extra, max(late) AS late, min(taken_at) AS taken_at,
            count(*) AS parts
        FROM deliveries WHERE device_id = ? GROUP BY boot, seq
    )
)
GROUP BY boot, run ORDER BY boot, last
"""


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
        boots: dict[int, Boot] = defaultdict(Boot)
        self._read_deliveries(device_id, boots)
        begin = self._read_events(device_id, boots)
        newest = max(boots, default=0)
        flush_s = self._attributed_s(device_id)
        rows = []
        for number, boot in sorted(boots.items()):
            flush_s = boot.flush_after_s or flush_s
            first_seq = floor(number, boot, begin)
            rows.append(account(number, boot, first_seq, number < newest, flush_s))
        return {
            "device_id": device_id,
            "boots": rows,
            "adds_up": not any(row["missing"] for row in rows),
        }

    def devices(self, limit: int, offset: int) -> tuple[list[str], int]:
        """Return the ids of some devices, in the order they were added, and how many there are."""
        total = int(self._db.scalar("SELECT count(*) FROM devices"))
        sql = "SELECT device_id FROM devices ORDER BY created_at, device_id LIMIT ? OFFSET ?"
        return [row["device_id"] for row in self._db.all(sql, limit, offset)], total

    def summary(self, device_id: str) -> Json:
        """Return the sums over all boots of the device: numbers of readings, and of boots."""
        report = self.report(device_id)
        rows = report["boots"]
        gaps = [gap for row in rows for gap in row["missing"]]
        return {
            "device_id": device_id,
            "boots": len(rows),
            **{name: sum(row[name] for row in rows) for name in _SUMS},
            "missing": sum(last - first + 1 for first, last in gaps),
            "adds_up": report["adds_up"],
        }

    def _read_deliveries(self, device_id: str, boots: dict[int, Boot]) -> None:
        for row in self._db.all(_RUNS, device_id):
            boot = boots[row["boot"]]
            boot.delivered += row["readings"]
            boot.duplicates += row["extra"]
            boot.late += row["late"]
            boot.partial += row["partial"]
            boot.highest = row["last"]
            boot.arrived.append((row["last"] - row["readings"] + 1, row["last"]))
            boot.taken_at.append(row["taken_at"])

    def _read_events(self, device_id: str, boots: dict[int, Boot]) -> Range | None:
        """Enter what the device reported. Returns boot and next_seq of its first store_opened."""
        begin = None
        for event in self._events.of(device_id, ("store_opened", "readings_dropped")):
            said = event["metadata"]
            if event["event_type"] == "readings_dropped":
                enter_dropped(said, boots)
            elif are_numbers(said, "boot", "next_seq"):
                begin = begin or (said["boot"], said["next_seq"])
                enter_opened(said, boots, begin)
        return begin

    def _attributed_s(self, device_id: str) -> float:
        sql = "SELECT attributes FROM devices WHERE device_id = ?"
        attributes = json.loads(self._db.scalar(sql, device_id) or "null")
        return flush_after_s(attributes) or FLUSH_AFTER_S
