import asyncio
import time

from fakes.board import FakeBoard, rtc_epoch_s
from fakes.log import Lines
from firmware import clock as clock_module
from firmware.backoff import Backoff
from firmware.clock import BUILT_EPOCH_S, Clock
from firmware.retained import Retained

DAY_S = 86400


class ChipClock(Clock):
    """The clock of a chip: it shows what was set and stands still; 2000 after a power cut."""

    raw = 946684800

    def _raw_s(self):
        return self.raw

    def _set_raw(self, epoch_s):
        super()._set_raw(epoch_s)
        self.raw = rtc_epoch_s(self.board.rtc_set[-1])


def started(board, raw=946684800):
    clock = ChipClock(board, Retained(board))
    clock.raw = raw
    clock.assess()
    return clock


def test_after_a_power_cut_the_time_is_unknown_and_not_below_the_build():
    clock = started(FakeBoard())
    assert not clock.known and clock.now_s() is None
    assert clock.raw == BUILT_EPOCH_S
    assert not clock.settled.is_set()


def test_the_last_good_time_is_the_floor_after_a_power_cut():
    board = FakeBoard()
    started(board).set_utc(BUILT_EPOCH_S + 30 * DAY_S)
    board.power_cut()
    clock = started(board)
    assert not clock.known
    assert clock.raw == BUILT_EPOCH_S + 30 * DAY_S


def test_a_reset_keeps_the_time_known_or_unknown():
    board = FakeBoard()
    first = started(board)
    # The floor was set, so the clock does not look wrong: it still is.
    assert not started(board, first.raw + 60).known
    first.set_utc(BUILT_EPOCH_S + 500)
    again = started(board, BUILT_EPOCH_S + 560)
    assert again.known and again.settled.is_set() and again.now_s() == BUILT_EPOCH_S + 560


def test_a_clock_that_was_seeded_before_the_first_start_is_believed():
    board = FakeBoard()
    ChipClock(board, Retained(board)).set_utc(BUILT_EPOCH_S + 100)
    assert started(board, BUILT_EPOCH_S + 105).known
    board.power_cut()
    assert not started(board, BUILT_EPOCH_S + 205).known


def test_a_reading_from_before_the_first_sync_gets_its_time_afterwards():
    board = FakeBoard()
    clock = started(board)
    stamp, boot = clock.stamp(), clock.retained.boot
    assert clock.epoch_s(stamp, False, boot) is None
    clock.raw += 40
    clock.set_utc(BUILT_EPOCH_S + 1000)
    assert clock.epoch_s(stamp, False, boot) == BUILT_EPOCH_S + 960
    # After a reset of the same power-on too; after a power cut nobody can tell.
    assert started(board, clock.raw).epoch_s(stamp, False, boot) == BUILT_EPOCH_S + 960
    board.power_cut()
    later = started(board)
    later.set_utc(BUILT_EPOCH_S + 5000)
    assert later.epoch_s(stamp, False, boot) is None


def test_a_later_sync_does_not_move_what_the_first_one_found():
    clock = started(FakeBoard())
    stamp = clock.stamp()
    clock.set_utc(BUILT_EPOCH_S + 100)
    clock.set_utc(BUILT_EPOCH_S + 900)
    assert clock.epoch_s(stamp, False, 1) == BUILT_EPOCH_S + 100


def test_the_floor_is_kept_beyond_2038():
    board = FakeBoard()
    started(board).set_utc(0x80000000 + 5)
    assert Clock(board, Retained(board))._floor_s() == 0x80000000 + 5


def synced_with(answers, board=None):
    """Run the clock's task over these answers; return (clock, log lines, delays asked for)."""
    clock = started(board or FakeBoard())
    up, lines, delays = asyncio.Event(), Lines(), []
    up.set()

    class Delays(Backoff):
        def next_ms(self):
            delays.append(1)
            return 0

    async def exchange():
        if not answers:
            await asyncio.Event().wait()
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def main():
        task = asyncio.create_task(clock.run(exchange, up, lines.log("clock"), Delays(1, 1, None)))
        await asyncio.sleep_ms(20)
        task.cancel()

    clock_module._RESYNC_MS = 0
    asyncio.run(main())
    return clock, lines, delays


def test_a_blocked_time_server_is_a_named_state_and_lets_the_session_try():
    clock, lines, delays = synced_with([OSError("no answer")])
    assert lines == ["0 W clock sync_failed why=no answer"]
    assert clock.settled.is_set() and not clock.known and delays == [1]


def test_a_time_outside_the_window_is_not_believed():
    late, early = BUILT_EPOCH_S + 11 * 366 * DAY_S, BUILT_EPOCH_S - 60
    clock, lines, _ = synced_with([late, early, BUILT_EPOCH_S + 7])
    assert len(lines.having("sync_failed")) == 2
    assert len(lines.having("sync_done")) == 1
    assert clock.now_s() == BUILT_EPOCH_S + 7


def test_a_clock_that_fell_back_is_not_believed_any_more():
    clock = started(FakeBoard())
    clock.set_utc(BUILT_EPOCH_S + 100)
    clock.raw = 946684800
    assert not clock.known and clock.now_s() is None


async def test_doubt_has_the_time_asked_for_at_once():
    clock = started(FakeBoard())
    up, asked = asyncio.Event(), []
    up.set()

    async def exchange():
        asked.append(1)
        return BUILT_EPOCH_S + 100

    log = Lines().log("clock")
    task = asyncio.create_task(clock.run(exchange, up, log, Backoff(1, 1, lambda limit: 0)))
    await asyncio.sleep_ms(20)
    assert len(asked) == 1
    clock.doubted.set()
    await asyncio.sleep_ms(20)
    assert len(asked) == 2
    task.cancel()


def test_uptime_goes_on_over_the_wrap_of_the_ticks():
    clock = Clock(FakeBoard(), Retained(FakeBoard()))
    period = time.ticks_add(0, -1) + 1
    clock._last_ticks = time.ticks_add(time.ticks_ms(), -(period // 2 - 1000))
    first = clock.uptime_ms()
    clock._last_ticks = time.ticks_add(time.ticks_ms(), -(period // 2 - 1000))
    assert first >= period // 2 - 1000
    assert clock.uptime_ms() >= 2 * first


def test_the_flash_is_written_once_per_power_on_and_then_once_a_day():
    board = FakeBoard()
    writes = []
    set_i32 = board.nvs.set_i32
    board.nvs.set_i32 = lambda key, value: (writes.append(key), set_i32(key, value))
    clock = started(board)
    for hours in range(0, 72, 6):
        clock.set_utc(BUILT_EPOCH_S + 100 + hours * 3600)
        # A reset in between does not bring it about either.
        clock = started(board, clock.raw + 60)
        assert clock.known
    assert writes.count("time_floor") == 3


def test_every_sync_raises_the_floor_of_its_power_on():
    board = FakeBoard()
    clock = started(board)
    clock.set_utc(BUILT_EPOCH_S + 100)
    clock.set_utc(BUILT_EPOCH_S + 5000)
    assert clock._floor_s() == BUILT_EPOCH_S + 5000
    again = started(board, BUILT_EPOCH_S + 5100)
    assert again._floor_s() == BUILT_EPOCH_S + 5000
    _, lines, _ = synced_with([BUILT_EPOCH_S + 4000], board)
    assert len(lines.having("sync_failed")) == 1


def test_a_host_that_knows_the_time_may_set_the_clock_back():
    board = FakeBoard()
    clock = started(board)
    clock.set_utc(BUILT_EPOCH_S + 900 * DAY_S)
    clock.set_utc(BUILT_EPOCH_S + 5 * DAY_S)
    board.power_cut()
    assert started(board).raw == BUILT_EPOCH_S + 5 * DAY_S


def test_a_chip_that_shows_some_time_after_a_power_cut_is_not_believed():
    for raw in (
        0,
        946684800,
        BUILT_EPOCH_S - 1,
        BUILT_EPOCH_S + DAY_S,
        2082758400,
        4102444800,
    ):
        clock = started(FakeBoard(), raw)
        assert not clock.known and clock.raw >= BUILT_EPOCH_S, raw


def test_a_machine_with_its_own_time_is_believed_when_that_is_possible():
    board = FakeBoard()
    board.has_own_time = True
    assert started(board, BUILT_EPOCH_S + 9000 * DAY_S).known
    board.power_cut()
    assert not started(board, BUILT_EPOCH_S - 1).known


async def test_a_machine_whose_time_becomes_true_is_followed():
    board = FakeBoard()
    board.has_own_time = True
    clock = started(board, 0)
    clock.raw = 0

    class Fast:
        Event = asyncio.Event

        @staticmethod
        def sleep_ms(_ms):
            return asyncio.sleep_ms(1)

    clock_module.asyncio = Fast
    task = asyncio.create_task(clock.follow())
    await asyncio.sleep_ms(10)
    assert not clock.settled.is_set()
    clock.raw = BUILT_EPOCH_S + 77
    await asyncio.wait_for_ms(clock.settled.wait(), 2000)
    assert clock.now_s() == BUILT_EPOCH_S + 77
    task.cancel()


def test_a_step_back_below_the_last_good_time_makes_it_unknown():
    clock = started(FakeBoard())
    clock.set_utc(BUILT_EPOCH_S + 50 * DAY_S)
    clock.raw -= 10 * DAY_S
    assert not clock.known and clock.now_s() is None
    clock.raw += 20 * DAY_S
    assert clock.known


def test_the_ports_epoch_and_whole_seconds_stay_in_the_clock():
    import sys

    class Chip:
        """time as on the chip: whole seconds since 2000."""

        ticks_ms, ticks_diff, ticks_add = time.ticks_ms, time.ticks_diff, time.ticks_add

        @staticmethod
        def time():
            return BUILT_EPOCH_S + 100 - 946684800

        @staticmethod
        def gmtime(seconds):
            # By way of 28 years earlier: a 32-bit port that counts from 1970 ends in 2038.
            earlier = time.gmtime(seconds + 946684800 - 28 * 1461 * 21600)
            return (earlier[0] + 28,) + tuple(earlier[1:])

    sys.modules["time"] = Chip
    del sys.modules["firmware.clock"]
    from firmware.clock import Clock as ChipsClock

    board = FakeBoard()
    clock = ChipsClock(board, Retained(board))
    clock.assess()
    assert clock.stamp() == BUILT_EPOCH_S + 100 and clock.now_s() is None
    clock.set_utc(BUILT_EPOCH_S + 100)
    assert clock.now_s() == BUILT_EPOCH_S + 100
    clock.set_utc(BUILT_EPOCH_S + 5000)
    assert rtc_epoch_s(board.rtc_set[-1]) == BUILT_EPOCH_S + 5000
    clock.set_utc(2200000000)
    assert rtc_epoch_s(board.rtc_set[-1]) == 2200000000
    clock.set_utc(0x80000000 + 5)
    assert clock._floor_s() == 0x80000000 + 5


def test_a_reading_from_after_a_fall_of_the_clock_gets_its_time_or_none():
    clock = started(FakeBoard())
    early = clock.stamp()
    clock.set_utc(BUILT_EPOCH_S + 50 * DAY_S)
    clock.raw -= 3650 * DAY_S
    fallen = clock.stamp()
    assert not clock.known and clock.epoch_s(fallen, False, 1) is None
    clock.raw += 60
    clock.set_utc(BUILT_EPOCH_S + 50 * DAY_S + 60)
    assert clock.epoch_s(fallen, False, 1) == BUILT_EPOCH_S + 50 * DAY_S
    # What was taken before the first sync would be in the future now: better no time than that.
    assert clock.epoch_s(early, False, 1) is None
