"""What a sleeper holds for how long, when it wakes, and what a start is different in."""

import asyncio
import json

from fakes.sleepworld import Board, World, time
from firmware import lastrun
from firmware.errors import ConfigError
from firmware.retained import CRASHED

HEAP_KB = 2048


def waiting(world):
    """Return the readings that a power cut would take now."""
    front = world.agent.store.front
    return front.count - front.copied


def outage(world, wakes):
    held = []
    for _ in range(wakes):
        world.broker_down()
        world.wakes(1)
        held.append(waiting(world))
    return held


def test_a_reading_is_in_rtc_memory_alone_for_no_more_wakes_than_the_setting_says():
    world = World(connect_every=5)
    world.wakes(1)
    held = outage(world, 40)
    assert max(held) == 4 and held.count(0) == 8  # the fifth goes to flash with those before it
    taken = len(world.taken)
    world.power_on()
    world.broker_up()
    world.wakes(1)
    missing = world.drain()
    assert len(missing) <= 4 and missing == world.taken[taken - len(missing) : taken]


def test_one_that_flushes_later_holds_more():
    world = World(connect_every=2, flush_after_s=600)
    world.wakes(1)
    assert max(outage(world, 40)) == 9
    world.broker_up()
    assert not world.drain() and not world.repeats()
    assert world.events("store_opened")[0]["flush_after_s"] == 600 + 45


def test_what_comes_while_it_stays_after_a_start_comes_once():
    world = World(interval_s=2, connect_every=3)
    world.wakes(1)
    # The last one falls due in the moment that it would go.
    assert world.telemetry() == [(1, seq) for seq in range(6)] == world.taken
    world.wakes(30)
    assert world.taken[: len(world.telemetry())] == world.telemetry()


def test_a_start_that_has_no_session_goes_after_the_ten_seconds_too():
    world = World(connect_every=1, awake_limit_s=10)
    world.ap.state = "down"
    world.wakes(1)
    assert 10_000 <= world.awake_ms[0] <= 13_500 and world.slept_ms > 0


def test_a_reset_leaves_the_readings_the_numbers_and_the_cycle():
    world = World(connect_every=6)
    world.wakes(4)
    assert waiting(world) == 3
    kept, address = world.agent.kept, world.agent.kept.address
    due_s, wakes = kept.due_s, kept.wakes
    for cause in ("hard", "watchdog"):
        world.cause = cause
        agents = []
        world.change = agents.append
        world.memory = bytes(world.memory)
        at = len(world.taken)
        assert world.wake()
        # Each tells of its start; none begins anew.
        assert world.taken[at] == (1, at)
        assert agents[0].kept.wakes == wakes + 1
        wakes += 1
    assert agents[0].kept.address == address and agents[0].kept.due_s > due_s
    assert world.taken == world.telemetry()
    assert [one["lost_from"] for one in world.events("store_opened")] == [None] * 3


def test_samples_stay_on_their_grid_over_long_wakes():
    world = World(interval_s=10, connect_every=2, awake_limit_s=60)
    world.wakes(3)
    starts = []

    async def slow(reading):
        await asyncio.sleep_ms(4_000)
        reading.values[0] = 1

    def change(agent):
        starts.append(time.passed_ms)
        agent.sampler.sensors[0][1].read_into = slow

    world.change = change
    world.wakes(6)
    gaps = [later - start for start, later in zip(starts, starts[1:])]
    # It sleeps for what the wake has left of the interval.
    assert all(9_000 <= gap <= 11_000 for gap in gaps), gaps


def test_a_clock_that_is_put_right_takes_the_grid_along():
    for off_s in (-30, 70):
        world = World(connect_every=2)
        world.wakes(3)
        time.rtc_off_s = off_s
        world.wakes(4)
        world.change = lambda agent: agent.clock.doubted.set()
        starts = []
        for _ in range(6):
            starts.append(time.passed_ms)
            world.wakes(1)
        assert time.rtc_off_s == 0
        gaps = [later - start for start, later in zip(starts, starts[1:])]
        assert all(58_000 <= gap <= 62_000 for gap in gaps), gaps
        assert len(world.said("samples_missed")) <= 1  # when it went wrong


def test_the_broker_is_found_by_later_wakes_without_asking():
    world = World(connect_every=4)
    world.wakes(2)
    kept = world.agent.kept
    kept.address = b"192.0.2.7"
    kept.save()
    world.wakes(1)
    assert world.agent.kept is not kept and world.agent.kept.address == b"192.0.2.7"


def test_samples_that_a_wake_was_too_long_for_are_told_and_the_grid_goes_on():
    world = World(interval_s=10, connect_every=50, awake_limit_s=60)
    world.wakes(3)
    first = world.agent.grid.due_s

    async def stalls(reading):
        time.passed_ms += 34_000  # the thread stood still
        reading.values[0] = 1

    world.change = lambda agent: setattr(agent.sampler.sensors[0][1], "read_into", stalls)
    world.wakes(1)
    world.change = None
    assert (world.agent.grid.due_s - first) % 10 == 0
    world.wakes(2)
    assert (world.agent.grid.due_s - first) % 10 == 0


def test_a_crash_is_told_once_and_its_record_forgotten_though_a_wake_is_short():
    world = World(connect_every=1)
    world.wakes(2)
    world.nvs.set_blob("crash", json.dumps({"error": "ValueError: worn out"}).encode())

    def change(agent):
        lastrun.tell(agent, lastrun.found(agent.board, CRASHED, 1))

    world.change = change
    world.wakes(1)
    assert lastrun.read(world.nvs) is None and world.awake_ms[-1] < 2_000
    world.wakes(3)
    assert [one["error"] for one in world.events("crash")] == ["ValueError: worn out"]


def test_a_machine_that_cannot_sleep_refuses_the_setting():
    world = World(connect_every=1)
    before = dict(world.nvs.values)
    Board.has_own_time = True
    try:
        world.wake()
        raise AssertionError("it runs")
    except ConfigError as exc:
        assert str(exc) == "connect_every: this board cannot sleep"
    finally:
        Board.has_own_time = False
    assert world.nvs.values == before
