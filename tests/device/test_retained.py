from fakes.board import FakeBoard
from firmware.retained import NONE, RUNNING, SLEEPING, Retained


def test_a_power_on_is_counted_and_starts_from_nothing():
    board = FakeBoard()
    first = Retained(board)
    assert (first.boot, first.next_seq, first.front_first, first.power_on) == (1, 0, NONE, True)
    board.power_cut()
    assert Retained(board).boot == 2


def test_a_reset_keeps_every_field():
    board = FakeBoard()
    before = Retained(board)
    before.next_seq, before.front_first = 0xFFFFFFFE, 17
    before.shift_s, before.time_known, before.floor_s = -5, True, 0x80000005
    before.save()
    after = Retained(board)
    assert not after.power_on
    assert (after.boot, after.next_seq, after.front_first) == (1, 0xFFFFFFFE, 17)
    assert (after.shift_s, after.time_known, after.floor_s) == (-5, True, 0x80000005)


def test_damaged_memory_counts_as_a_power_cut():
    board = FakeBoard()
    Retained(board)
    good = board.memory
    for at in range(len(good)):
        board.memory = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
        assert Retained(board).power_on, at
        board.memory = good[:at]
        assert Retained(board).power_on, at


def test_what_is_behind_the_fields_is_kept_as_it_is_until_the_power_goes():
    board = FakeBoard()
    before = Retained(board)
    assert (before.ending, before.busy, before.disabled, before.tail) == (RUNNING, 0, 0, b"")
    before.ending, before.busy, before.disabled = SLEEPING, 255, 0xFFFF
    before.tail = b"what a sleeper keeps"
    before.save()
    after = Retained(board)
    assert (after.ending, after.busy, after.disabled) == (SLEEPING, 255, 0xFFFF)
    assert after.tail == b"what a sleeper keeps"
    board.power_cut()
    assert Retained(board).tail == b""
