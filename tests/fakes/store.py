"""A whole store on a folder of its own, put together as wire() does."""

import asyncio

from fakes.board import FakeBoard
from fakes.clock import FakeClock
from fakes.log import Lines
from firmware import stock
from firmware.account import Account
from firmware.flashlog import FlashLog
from firmware.front import Front
from firmware.reading import Datapoint, Reading
from firmware.retained import Retained
from firmware.store import BACKLOG, HEADER_SIZE, LIVE, Store, header

OWNER = 7
POINTS = (Datapoint("t", decimals=1), Datapoint("h", decimals=1))


class StoreRig:
    """open_event is the metadata of store_opened."""

    def __init__(self, folder, board=None, points=POINTS, owner=OWNER, front_bytes=512,
                 segments=64, drops_oldest=True, flush_after_s=60):  # fmt: skip
        self.board = board or FakeBoard()
        self.lines = Lines()
        self.filled = asyncio.Event()
        self.clock = FakeClock()
        self.reading = Reading(points)
        self.account = Account(folder + "/account", owner)
        self.flash = FlashLog(
            folder, owner, self.account, segments, drops_oldest, self.reading.shape,
            self.reading.text,
        )  # fmt: skip
        self.store = Store(
            Front(front_bytes), self.flash, Retained(self.board), self.clock,
            self.lines.log("store"), self.filled, flush_after_s, self.reading.shape,
        )  # fmt: skip
        self.open_event = stock.take(self.store)
        self._view = memoryview(bytearray(HEADER_SIZE + 256))

    def take(self, count=1, stamp=1795392000):
        """Append readings; return their seqs."""
        seqs = []
        for _ in range(count):
            seq = self.store.retained.next_seq
            seqs.append(self.store.append(self.record(seq, stamp)))
        return seqs

    def record(self, seq, stamp=1795392000):
        """Return the record of a reading whose values tell its number."""
        self.reading.stamp, self.reading.time_known = stamp + seq, True
        self.reading.values[:] = [seq % 1000, 500 + seq % 7]
        return self.reading.pack()

    def peek(self, lane, skip):
        """Return (boot, seq) of what comes after skip, None if nothing does; check its record."""
        if not self.store.peek_into(self._view, lane, skip):
            return None
        size, boot, seq, shape = header(self._view)
        if shape == self.reading.shape and self.reading.points is POINTS:
            assert self._view[HEADER_SIZE:size] == self.record(seq), (boot, seq)
        return boot, seq

    def waiting(self, lane):
        """Return all (boot, seq) of a lane, oldest first; they are in flight then."""
        found = []
        while True:
            one = self.peek(lane, len(found))
            if one is None:
                return found
            found.append(one)

    def seqs(self, lane):
        return [seq for _, seq in self.waiting(lane)]

    def drain(self, lane=BACKLOG):
        """Acknowledge all of a lane, one by one; return what was delivered."""
        delivered = []
        while True:
            one = self.peek(lane, 0)
            if one is None:
                return delivered
            delivered.append(one)
            self.store.ack(lane, 1)

    def drops(self):
        """Return the drops that wait to be told, and tell them."""
        told = []
        while True:
            drop = self.store.next_drop()
            if drop is None:
                return told
            told.append(drop)
            self.store.drop_told()


__all__ = ("BACKLOG", "LIVE", "OWNER", "POINTS", "StoreRig")
