"""Readings on their way: kept from the moment they are taken until the broker has them.

Two lanes. LIVE is the front, the newest readings, in RAM. BACKLOG is the log in flash.
This version keeps the front only: a reset takes what it holds, and says so.

A reading is numbered (boot, seq) when it is appended. Readings leave in order, oldest first:
peek, send, ack. What was peeked and not yet acknowledged is in flight and never dropped. When
the front is full the oldest reading that is not in flight goes, and the loss is counted.
"""

import struct

from firmware.retained import NONE

LIVE = 0
BACKLOG = 1
LANES = (LIVE, BACKLOG)  # in the order they are sent; a lane's number is its place here

# What peek_into() writes before each record: size of both, boot, seq.
_HEADER = "<HII"
HEADER_SIZE = 10


def header(view):
    """Return (size with the header, boot, seq) of the record that peek_into() wrote to view."""
    return struct.unpack_from(_HEADER, view, 0)


class Store:
    def __init__(self, capacity, retained, log, filled):
        """capacity is the number of readings the front holds; filled an Event that append sets."""
        self._retained = retained
        self._log = log
        self._ring = [None] * capacity
        self._head = 0
        self._count = 0
        self._in_flight = 0
        self._drops = []
        self.dropped_total = 0
        self.filled = filled
        # What the last run of this power-on left in its RAM: gone, (first, last) or None.
        self.lost = self._lost()

    @property
    def boot(self):
        return self._retained.boot

    def opened(self):
        """Return the metadata of the event store_opened."""
        first, last = self.lost or (None, None)
        return {
            "boot": self._retained.boot,
            "next_seq": self._retained.next_seq,
            "lost_from": first,
            "lost_to": last,
            "last_durable": None,
            "dropped_total": self.dropped_total,
        }

    def append(self, record):
        """Take one record and return its seq."""
        retained = self._retained
        seq = retained.next_seq
        if self._count == len(self._ring):
            self._drop_one(seq)
        if self._count < len(self._ring):
            at = self._at(self._count)
            self._ring[at] = (seq, record)  # pyright: ignore[reportCallIssue, reportArgumentType]
            self._count += 1
        retained.next_seq = seq + 1
        self._retain()
        self.filled.set()
        return seq

    def peek_into(self, view, lane, skip):
        """Write the oldest records of a lane after the first skip into view, while they fit.

        view    memoryview; each record is preceded by its header
        skip    those in flight already; what is written here counts as in flight too
        Returns the number of records written.
        """
        if lane != LIVE:
            return 0
        written = at = 0
        while skip + written < self._count:
            seq, record = self._ring[self._at(skip + written)]
            size = HEADER_SIZE + len(record)
            if at + size > len(view):
                break
            struct.pack_into(_HEADER, view, at, size, self._retained.boot, seq)
            view[at + HEADER_SIZE : at + size] = record
            at += size
            written += 1
        self._in_flight = max(self._in_flight, skip + written)
        return written

    def ack(self, lane, count):
        """Forget the oldest count records of a lane: the broker has them."""
        for _ in range(count):
            self._ring[self._head] = None
            self._head = self._at(1)
        self._count -= count
        self._in_flight -= count
        self._retain()

    def rewind(self, lane):
        """Count nothing of a lane as in flight: the link is lost."""
        if lane == LIVE:
            self._in_flight = 0

    def take_drop(self):
        """Return the metadata of the next event readings_dropped, or None; it is yours now."""
        return self._drops.pop(0) if self._drops else None

    def flush(self, reason):
        """Move the front to flash. Without a log there is nowhere to move it to."""

    def _at(self, number):
        return (self._head + number) % len(self._ring)

    def _drop_one(self, new_seq):
        """Make room by dropping the oldest reading not in flight; the new one if all are."""
        keep = self._in_flight
        if keep == self._count:
            self._note_drop(new_seq)
            return
        self._note_drop(self._ring[self._at(keep)][0])
        for number in range(keep, 0, -1):
            self._ring[self._at(number)] = self._ring[self._at(number - 1)]
        self._ring[self._head] = None
        self._head = self._at(1)
        self._count -= 1

    def _note_drop(self, seq):
        self.dropped_total += 1
        last = self._drops[-1] if self._drops else None
        if last and last["to"] + 1 == seq:
            last["to"] = seq
            last["count"] += 1
            return
        boot = self._retained.boot
        self._drops.append({"boot": boot, "from": seq, "to": seq, "count": 1, "reason": "full"})
        self._log.warn("reading_dropped", boot=self._retained.boot, reason="full", seq=seq)

    def _retain(self):
        self._retained.front_first = self._ring[self._head][0] if self._count else NONE
        self._retained.save()

    def _lost(self):
        retained = self._retained
        first, retained.front_first = retained.front_first, NONE
        retained.save()
        if first == NONE:
            return None
        return first, retained.next_seq - 1
