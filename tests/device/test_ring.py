import random

from firmware.ring import Ring


def test_the_last_whole_lines_are_kept_and_all_go_on():
    got = []
    ring = Ring(20, got.append)
    for number in range(5):
        ring("line %d" % number)
    assert bytes(ring.buf[: ring.end]) == b"line 3\nline 4\n"
    assert got == ["line %d" % number for number in range(5)]


def test_a_line_that_is_too_long_is_cut_and_takes_the_room_of_all():
    ring = Ring(10, lambda line: None)
    ring("short")
    ring("much too long for it")
    assert bytes(ring.buf[: ring.end]) == b"much too \n"
    ring("x")
    assert bytes(ring.buf[: ring.end]) == b"x\n"


def test_it_holds_what_the_newest_lines_take_whatever_their_lengths():
    random.seed(3)
    for size in (8, 50, 200):
        ring, kept = Ring(size, lambda line: None), []
        for _ in range(300):
            line = "x" * random.randrange(size)
            kept.append(line)
            ring(line)
            while sum(len(old) + 1 for old in kept) > size:
                kept.pop(0)
            assert bytes(ring.buf[: ring.end]).decode() == "".join(old + "\n" for old in kept)
