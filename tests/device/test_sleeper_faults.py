"""A sleeper through outages, hangs, resets, power cuts and damaged RTC memory."""

import asyncio

from fakes.flaky_socket import DOWN, SILENCE, Cut
from fakes.sleepworld import World

HEAP_KB = 4096
LIMIT_S = 20


def numbers(world, boot=1):
    return [seq for own, seq in world.telemetry() if own == boot]


def attempts(world, wakes):
    """Live through wakes; return in which of them it tried to connect."""
    tried = []
    for number in range(wakes):
        before = len(world.said("link_up"))
        world.wakes(1)
        if len(world.said("link_up")) > before:
            tried.append(number)
    return tried


def test_an_outage_makes_attempts_rare_takes_no_reading_and_wears_little():
    world = World(connect_every=2, awake_limit_s=LIMIT_S)
    world.wakes(3)
    world.broker_down()
    programs = world.flash.programs
    tried = []
    for number in range(400):
        world.broker_down()
        tried += [number] if attempts(world, 1) else []
    gaps = [later - number for number, later in zip(tried, tried[1:])]
    # 4, 8, 16, 32, 64, 64 ... samples, each less a half at most.
    assert all(step // 2 < gap <= step for gap, step in zip(gaps, [4, 8, 16, 32] + [64] * 20))
    # It gives up long before the limit when there is no use.
    assert max(world.awake_ms[3:]) < 5000
    # Some forty programs of 32 bytes for a group, and one group for each two readings.
    assert 0 < world.flash.programs - programs < 200 * 100
    world.broker_up()
    assert not world.drain() and not world.repeats()
    # A success is one: it connects as usual again.
    assert attempts(world, 6) == [1, 3, 5]


def test_without_a_network_it_is_the_same():
    world = World(connect_every=1, awake_limit_s=LIMIT_S)
    world.wakes(2)
    world.ap.state = "down"
    world.wakes(50)
    assert len(world.said("connect_put_off")) <= 6
    assert max(world.awake_ms[2:]) <= LIMIT_S * 1000
    world.ap.state = "up"
    assert not world.drain() and not world.repeats()


def hang(world, change):
    """Live through three wakes whose agent was changed, and then some that are well."""
    world.wakes(2)
    world.change = change
    world.wakes(3)
    assert max(world.awake_ms[2:]) <= LIMIT_S * 1000, world.awake_ms
    assert world.slept_ms > 0
    world.change = None
    world.broker_up()
    assert not world.drain()


async def forever(*_):
    while True:
        try:
            await asyncio.sleep_ms(600_000)
        except asyncio.CancelledError:
            pass


def test_the_time_awake_is_limited_though_the_lookup_hangs():
    def change(agent):
        agent.session.resolve = forever

    hang(World(connect_every=1, awake_limit_s=LIMIT_S), change)


def test_the_time_awake_is_limited_though_the_broker_says_nothing():
    world = World(connect_every=1, awake_limit_s=LIMIT_S)

    def change(_agent):
        world.net.cuts = [Cut(DOWN, 0, SILENCE) for _ in range(9)]

    hang(world, change)


def test_the_time_awake_is_limited_though_the_broker_acknowledges_nothing():
    world = World(connect_every=1, awake_limit_s=LIMIT_S)

    def change(_agent):
        world.net.cuts = [Cut(DOWN, 4, SILENCE) for _ in range(9)]

    hang(world, change)


def test_the_time_awake_is_limited_though_a_sensor_hangs():
    def change(agent):
        agent.sampler.sensors[0][1].read_into = forever

    hang(World(connect_every=1, awake_limit_s=LIMIT_S), change)


def test_the_time_awake_is_limited_though_taking_leave_hangs():
    def change(agent):
        agent.session.disconnect = forever
        agent.jobs += (("stubborn", forever),)

    world = World(connect_every=1, awake_limit_s=LIMIT_S)
    hang(world, change)
    assert not world.said("awake_limit_reached") and world.awake_ms[3] < 3000


def test_a_watchdog_reset_between_and_within_wakes_takes_nothing():
    world = World(connect_every=5)
    world.wakes(4)
    world.cause = "watchdog"
    world.wakes(4)
    # In the middle of a wake, right behind its sample.
    world.change = lambda agent: killing(world, agent)
    assert not world.wake()
    world.change = None
    world.wakes(2)
    assert not world.drain()
    told = world.events("store_opened")
    assert [one["lost_from"] for one in told] == [None] * len(told) and len(told) == 3


def killing(world, agent):
    append = agent.store.append

    def append_and_die(record):
        append(record)
        world.kill(loses_power=False)

    agent.store.append = append_and_die


def test_a_power_cut_takes_no_more_than_the_setting_says():
    world = World(connect_every=10)
    world.wakes(8)
    world.power_on()
    world.wakes(11)
    assert numbers(world, 2) == list(range(11))
    lost = [one for one in world.taken if one not in world.telemetry()]
    assert 0 < len(lost) <= 10 and lost[0] == (1, 1)
    assert world.events("store_opened")[-1]["flush_after_s"] == 10 * 60 + 45


def test_damaged_rtc_memory_is_a_reported_loss():
    world = World(connect_every=10)
    world.wakes(8)
    data = bytearray(world.memory)
    data[80] ^= 1
    world.memory = bytes(data)
    world.wakes(1)
    assert world.drain() == [(1, seq) for seq in range(1, 8)]
    told = world.events("store_opened")[-1]
    assert (told["boot"], told["lost_from"], told["lost_to"]) == (1, 1, 7)


def test_what_is_to_be_told_of_a_start_waits_for_a_session():
    world = World(connect_every=2, awake_limit_s=LIMIT_S)
    world.wakes(3)
    world.cause = "hard"
    for _ in range(5):
        world.broker_down()
        world.wakes(1)
    world.broker_up()
    assert len(world.events("store_opened")) == 1
    world.wakes(12)
    told = world.events("store_opened")
    assert len(told) == 2 and told[1]["next_seq"] == 3 and told[1]["lost_from"] is None


def test_rtc_memory_is_never_too_full():
    # Sixteen values take a kilobyte for fifteen readings or so.
    sensors = [{"kind": "simulated", "key": "key%d" % number} for number in range(16)]
    world = World(connect_every=500, sensors=sensors, awake_limit_s=LIMIT_S)
    world.wakes(1)
    sizes = []
    for _ in range(150):
        world.broker_down()
        world.wakes(1)
        sizes.append(len(world.memory))
    assert max(sizes) <= 2048 and max(sizes) > 1500
    world.settings["connect_every"] = 2
    world.broker_up()
    assert not world.drain() and not world.repeats()


def test_a_flash_that_fails_costs_the_oldest_and_says_so():
    world = World(connect_every=2, awake_limit_s=LIMIT_S)
    world.wakes(1)
    world.flash.fails = OSError(5)
    for _ in range(180):
        world.broker_down()
        world.wakes(1)
    world.flash.fails = None
    world.broker_up()
    world.wakes(130)
    got = set(numbers(world))
    missing = set(range(len(world.taken) - 2)) - got
    ranges = [(one["lost_from"], one["lost_to"]) for one in world.events("store_opened")]
    ranges += [(one["from"], one["to"]) for one in world.events("readings_dropped")]
    ranges = [one for one in ranges if one[0] is not None]
    assert missing and all(any(a <= seq <= b for a, b in ranges) for seq in missing), ranges
