import asyncio

from fakes.board import FakeBoard
from fakes.log import Lines
from firmware.retained import Retained
from firmware.store import BACKLOG, HEADER_SIZE, LIVE, Store, header


class Rig:
    def __init__(self, capacity=4, board=None):
        self.board = board or FakeBoard()
        self.lines = Lines()
        self.filled = asyncio.Event()
        self.store = Store(capacity, Retained(self.board), self.lines.log("store"), self.filled)

    def append(self, count):
        return [self.store.append(b"record") for _ in range(count)]

    def peek(self, skip=0, size=1000):
        """Return the seqs that peek_into writes."""
        view = memoryview(bytearray(size))
        seqs = []
        for _ in range(self.store.peek_into(view, LIVE, skip)):
            length, boot, seq = header(view)
            assert boot == 1 and view[HEADER_SIZE:length] == b"record"
            seqs.append(seq)
            view = view[length:]
        return seqs


def test_readings_are_numbered_and_leave_oldest_first():
    rig = Rig()
    assert rig.append(3) == [0, 1, 2]
    assert rig.filled.is_set()
    assert rig.peek() == [0, 1, 2]
    rig.store.ack(LIVE, 2)
    assert rig.peek() == [2]
    rig.store.ack(LIVE, 1)
    assert rig.peek() == []


def test_peek_skips_what_is_in_flight_and_stops_where_the_view_ends():
    rig = Rig()
    rig.append(4)
    one = HEADER_SIZE + len(b"record")
    assert rig.peek(size=2 * one + 1) == [0, 1]
    assert rig.peek(skip=2, size=one) == [2]
    assert rig.peek(size=one - 1) == []
    assert rig.peek(skip=4) == []


def test_nothing_is_in_the_backlog_lane_yet():
    rig = Rig()
    rig.append(2)
    assert rig.store.peek_into(memoryview(bytearray(99)), BACKLOG, 0) == 0


def test_a_full_front_drops_the_oldest_that_is_not_in_flight_and_counts_it():
    rig = Rig()
    rig.append(4)
    assert rig.peek(size=2 * (HEADER_SIZE + 6)) == [0, 1]
    rig.append(3)
    assert rig.peek() == [0, 1, 5, 6]
    assert rig.store.take_drop() == {
        "boot": 1, "from": 2, "to": 4, "count": 3, "reason": "full",
    }  # fmt: skip
    assert rig.store.take_drop() is None
    assert rig.store.opened()["dropped_total"] == 3
    assert rig.lines.having("reading_dropped") == [
        "0 W store reading_dropped boot=1 reason=full seq=2"
    ]


def test_when_all_are_in_flight_the_new_reading_is_the_one_dropped():
    rig = Rig()
    rig.append(4)
    rig.peek()
    assert rig.append(1) == [4]
    assert rig.peek() == [0, 1, 2, 3]
    assert rig.store.take_drop()["from"] == 4
    # The link is lost: nothing is in flight, so the oldest goes again.
    rig.store.rewind(LIVE)
    rig.append(1)
    assert rig.peek() == [1, 2, 3, 5]


def test_a_drop_reported_once_does_not_grow():
    rig = Rig(capacity=1)
    rig.append(2)
    first = rig.store.take_drop()
    rig.append(1)
    assert (first["from"], first["to"]) == (0, 0)
    assert rig.store.take_drop()["from"] == 1


def test_taken_is_delivered_plus_dropped_whatever_comes():
    rig = Rig(capacity=5)
    delivered, dropped, sent = [], [], 0
    for step in range(400):
        rig.append(step % 3)
        if step % 7 == 0:
            sent = sent + len(rig.peek(skip=sent, size=2 * (HEADER_SIZE + 6)))
        if step % 11 == 0 and sent:
            delivered.append(rig.peek()[0])
            rig.store.ack(LIVE, 1)
            sent = 0
            rig.store.rewind(LIVE)
        if step % 13 == 0:
            drop = rig.store.take_drop()
            dropped += range(drop["from"], drop["to"] + 1) if drop else ()
    delivered += rig.peek()
    drop = rig.store.take_drop()
    while drop:
        assert drop["count"] == drop["to"] - drop["from"] + 1
        dropped += range(drop["from"], drop["to"] + 1)
        drop = rig.store.take_drop()
    assert sorted(delivered + dropped) == list(range(rig.append(1)[0]))


def test_a_reset_tells_which_readings_it_took():
    rig = Rig()
    rig.append(4)
    rig.peek()
    rig.store.ack(LIVE, 1)
    after = Rig(board=rig.board).store.opened()
    assert (after["boot"], after["next_seq"]) == (1, 4)
    assert (after["lost_from"], after["lost_to"]) == (1, 3)
    # What was told once is not told again.
    assert Rig(board=rig.board).store.opened()["lost_from"] is None


def test_a_reset_with_nothing_in_the_front_took_nothing():
    rig = Rig()
    rig.append(2)
    rig.store.ack(LIVE, 2)
    opened = Rig(board=rig.board).store.opened()
    assert (opened["next_seq"], opened["lost_from"], opened["lost_to"]) == (2, None, None)


def test_a_power_cut_begins_a_new_boot_and_cannot_tell():
    rig = Rig()
    rig.append(3)
    rig.board.power_cut()
    opened = Rig(board=rig.board).store.opened()
    assert (opened["boot"], opened["next_seq"], opened["lost_from"]) == (2, 0, None)
