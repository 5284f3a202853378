"""The log when its bytes are not what was written: damage, junk, other versions, other hands."""

import os
import random

from fakes.flash import Flash
from fakes.store import BACKLOG, StoreRig
from firmware import segment
from firmware.reading import Datapoint, Reading, described
from firmware.store import HEADER_SIZE, header

FOLDER = "/flash/data"
HEAP_KB = 600


def log_of(count):
    """Return (rig, path, bytes) of a log of one segment with count readings."""
    flash = Flash(16).format()
    flash.mount()
    rig = StoreRig(FOLDER)
    rig.device = flash
    rig.take(count)
    assert rig.store.flush("age")
    path = FOLDER + "/1.log"
    with open(path, "rb") as file:
        return rig, path, file.read()


def reopened(rig):
    rig.board.power_cut()
    return StoreRig(FOLDER, board=rig.board)


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def sizes(data):
    """Return the size of each entry of a segment."""
    view, at, found = memoryview(data), segment.START, []
    while at < len(data):
        found.append(segment.size_at(view, at, len(data)))
        at += found[-1]
    return found


def test_a_flipped_bit_anywhere_costs_that_reading_only_and_is_counted():
    rig, path, data = log_of(40)
    entries = sizes(data)
    assert len(entries) == 40
    at = segment.START
    for number, size in enumerate(entries):
        for offset in range(size):
            damaged = bytearray(data)
            damaged[at + offset] ^= 1 << (at + offset) % 8
            write(path, damaged)
            rig = reopened(rig)
            wanted = [(1, seq) for seq in range(40) if seq != number]
            assert rig.waiting(BACKLOG) == wanted, (number, offset)
            drops = rig.drops()
            if number > 0:
                assert [(d["from"], d["to"], d["count"], d["reason"]) for d in drops] == [
                    (number, number, 1, "damaged")
                ], (number, offset, drops)
        at += size


def test_a_flipped_bit_in_the_header_costs_nothing():
    rig, path, data = log_of(3)
    for offset in range(segment.START):
        damaged = bytearray(data)
        damaged[offset] ^= 0x10
        write(path, damaged)
        rig = reopened(rig)
        assert rig.seqs(BACKLOG) == [0, 1, 2], offset


def test_a_log_cut_at_any_byte_gives_what_stands_before_the_cut():
    rig, path, data = log_of(20)
    ends = [segment.START + sum(sizes(data)[: number + 1]) for number in range(20)]
    for length in range(len(data)):
        write(path, data[:length])
        rig = reopened(rig)
        whole = len([end for end in ends if end <= length])
        assert rig.seqs(BACKLOG) == list(range(whole)), length
        # It is not added to: what stands there might be taken for a part of what is new.
        rig.take(1)
        assert rig.store.flush("age")
        rig.store.rewind(BACKLOG)
        assert len(rig.waiting(BACKLOG)) == whole + 1, length
        rig.drain()
        rig.peek(BACKLOG, 0)
        for name in os.listdir(FOLDER):
            os.remove(FOLDER + "/" + name)


def test_junk_behind_the_log_is_passed_over():
    rng = random
    rng.seed(5)
    for size in (1, 7, 30, 300, 3000):
        for kind in range(3):
            rig, path, data = log_of(10)
            junk = (b"\xff" * size, bytes(size), bytes(rng.getrandbits(8) for _ in range(size)))
            write(path, data + junk[kind])
            rig = reopened(rig)
            assert rig.open_event["last_durable"]["seq"] == 9
            assert rig.seqs(BACKLOG) == list(range(10))
            rig.take(5)
            assert rig.store.flush("age")
            rig.store.rewind(BACKLOG)
            assert [boot for boot, _ in rig.waiting(BACKLOG)] == [1] * 10 + [2] * 5


def test_files_that_are_no_segments_do_no_harm():
    rig, _, _ = log_of(10)
    write(FOLDER + "/2.log", b"")
    write(FOLDER + "/3.log", b"WSG1" + bytes(90))
    os.mkdir(FOLDER + "/4.log")
    write(FOLDER + "/x.log", b"?")
    write(FOLDER + "/account", b"{")
    rig = reopened(rig)
    assert rig.open_event["last_durable"] == {"boot": 1, "seq": 9}
    assert rig.seqs(BACKLOG) == list(range(10))
    rig.store.rewind(BACKLOG)
    rig.take(5)
    assert rig.store.flush("age")
    assert len(rig.drain()) == 15


def test_a_segment_of_a_newer_version_is_put_aside_and_not_erased():
    rig, _, data = log_of(10)
    newer = data.replace(b"WSG1", b"WSG2")
    write(FOLDER + "/2.log", newer)
    rig = reopened(rig)
    assert len(rig.drain()) == 10
    assert rig.peek(BACKLOG, 0) is None
    with open(FOLDER + "/2.newer", "rb") as file:
        assert file.read() == newer


# What the first version of the format wrote, to be readable for ever: readings 10 and 11 of boot
# 3, of temperature 21.5 and humidity 45.3, then of humidity -45.3 alone a minute later, at a time
# that was not known to be right.
GOLDEN_POINTS = ("f23675c9.pts", b'[["t", "number", 1], ["h", "number", 1]]')
GOLDEN_HEADER = "5753473107000000c97536f2030000000a0000000082036bc8a941f2"
GOLDEN_ENTRIES = "040100000000af038b0766bf47ac" + "030001003c00008a073a932a42"


def test_the_first_version_of_the_format_stays_readable():
    flash = Flash(16).format()
    flash.mount()
    os.mkdir(FOLDER)
    write(FOLDER + "/" + GOLDEN_POINTS[0], GOLDEN_POINTS[1])
    write(FOLDER + "/1.log", bytes.fromhex(GOLDEN_HEADER * 2 + GOLDEN_ENTRIES))
    rig = StoreRig(FOLDER, points=(Datapoint("x"),))
    assert rig.open_event["last_durable"] == {"boot": 3, "seq": 11}
    view = memoryview(bytearray(300))
    found = []
    while rig.store.peek_into(view, BACKLOG, len(found)):
        size, boot, seq, shape = header(view)
        reading = Reading(described(rig.store.points(shape)))
        reading.unpack(view[HEADER_SIZE:size])
        found.append((boot, seq, reading.stamp, reading.time_known, list(reading.values)))
    assert found == [
        (3, 10, 1795392000, True, [215, 453]),
        (3, 11, 1795392060, False, [None, -453]),
    ]


def test_this_version_writes_what_the_golden_bytes_say():
    flash = Flash(16).format()
    flash.mount()
    rig = StoreRig(FOLDER)
    rig.store.retained.boot, rig.store.retained.next_seq = 3, 10
    for stamp, known, values in ((0, True, [215, 453]), (60, False, [None, -453])):
        rig.reading.stamp, rig.reading.time_known = 1795392000 + stamp, known
        rig.reading.values[:] = values
        rig.store.append(rig.reading.pack())
    rig.store.flush("age")
    with open(FOLDER + "/1.log", "rb") as file:
        assert file.read().hex() == GOLDEN_HEADER * 2 + GOLDEN_ENTRIES


def test_a_reading_that_fits_no_group_of_before_begins_a_new_segment():
    rig, _, _ = log_of(5)
    rig.store.retained.next_seq = 40_000  # its stamp is more than nine hours later
    rig.take(1)
    rig.store.flush("age")
    rig.store.retained.next_seq = 110_000
    rig.take(1)
    rig.store.flush("age")
    assert rig.seqs(BACKLOG) == [0, 1, 2, 3, 4, 40_000, 110_000]
    assert len([name for name in os.listdir(FOLDER) if name.endswith(".log")]) == 3


def test_a_number_that_was_in_use_is_never_used_again():
    rig, _, _ = log_of(10)
    rig.drain()
    rig.peek(BACKLOG, 0)
    rig.store.flush("reset")  # the account says: all of segment 1 is delivered
    rig = reopened(rig)
    rig.take(3)
    rig.store.flush("age")
    rig = reopened(rig)
    assert rig.waiting(BACKLOG) == [(2, 0), (2, 1), (2, 2)]
