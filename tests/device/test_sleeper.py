"""A sleeper over hundreds of wakes: what it delivers, when it connects, how long it is awake."""

from fakes.sleepworld import BROKER, World, time

HEAP_KB = 2048


def test_each_reading_arrives_once_and_in_order_over_hundreds_of_wakes():
    world = World()
    world.wakes(301)
    assert world.telemetry() == [(1, seq) for seq in range(301)]
    assert world.taken == world.telemetry()
    assert len(world.events("store_opened")) == 1
    # The first wake, and then every fifth.
    assert world.broker.logins == world.broker.disconnects == 61
    assert not world.broker.complaints and not world.net.misuse
    # A sync an hour: the clock of a chip that sleeps is off.
    assert 5 <= world.syncs <= 6
    assert not world.said(" W ") and not world.said(" E ")


def test_a_wake_that_only_samples_writes_no_flash_and_leaves_the_radio_off():
    world = World()
    world.wakes(2)
    programs, nvs = world.flash.programs, dict(world.nvs.values)
    was_on = []
    world.change = lambda agent: was_on.append(agent.board.wlan)
    world.wakes(3)
    assert world.awake_ms[-3:] == [300] * 3
    assert not any(wlan.tried for wlan in was_on)
    assert world.broker.logins == 1
    assert world.flash.programs == programs and world.nvs.values == nvs
    # Nor does one that delivers, as long as all is well.
    world.wakes(1)
    assert world.broker.logins == 2 and world.flash.programs == programs
    assert was_on[-1].radio_ms, "the radio stays on"


def test_samples_lie_on_a_grid_whatever_the_wakes_take():
    world = World()
    world.wakes(101)
    stamps = [one["timestamp"] for one in world.messages() if "seq" in one]
    for seq, stamp in enumerate(stamps):
        assert 0 <= stamp - stamps[0] - 60 * seq <= 2, (seq, stamp - stamps[0])


def test_the_link_is_had_again_without_asking_for_an_address():
    world = World(connect_every=2)
    world.wakes(6)
    # The first join asks for an address, the next has it from RTC memory.
    parts = [one["awake_parts_ms"] for one in world.attributes()]
    assert parts[1]["join"] > parts[2]["join"] + 500
    assert world.agent.kept.hint and world.agent.kept.address in (b"", BROKER.encode())


def test_the_time_awake_is_told_with_its_parts_and_in_all():
    world = World(connect_every=3)
    world.wakes(10)
    told = world.attributes()[-1]
    assert told["wakes"] == 9 and told["awake_ms"] == sum(told["awake_parts_ms"].values())
    assert told["awake_s"] == sum(world.awake_ms[:9]) // 1000
    # What the wake before it took that delivered.
    assert abs(told["awake_ms"] - world.awake_ms[6]) <= 40
    assert told["awake_parts_ms"]["boot"] == 300


def test_it_stays_awake_for_ten_seconds_after_a_start_but_not_after_a_wake():
    world = World(connect_every=1)
    world.wakes(2)
    assert 10_000 <= world.awake_ms[0] <= 10_500 and world.awake_ms[1] < 2000
    world.cause = "hard"  # somebody has pressed the button
    world.wakes(2)
    assert 10_000 <= world.awake_ms[2] <= 10_500 and world.awake_ms[3] < 2000
    assert len(world.events("store_opened")) == 2


LIMITED = [{"kind": "simulated", "middle": 20, "swing": 10, "period": 20, "high": 25}]


def limited(world, values):
    """Have the sensor tell one of these values in each wake."""

    def change(agent):
        value = values.pop(0)
        agent.sampler.sensors[0][1].read_into = lambda reading: reads(reading, value)

    world.change = change


async def reads(reading, value):
    reading.values[0] = value


def test_a_crossed_limit_is_delivered_at_once_and_told_once():
    world = World(connect_every=50, sensors=LIMITED)
    values = [2000] * 4 + [2700] * 4 + [2000] * 3 + [2700] * 2
    limited(world, values)
    logins = []
    while values:
        world.wakes(1)
        logins.append(world.broker.logins)
    # With the start, and with the two samples that were the first beyond the limit.
    assert logins == [1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 3, 3]
    assert [one["temperature"] for one in world.messages() if "temperature" in one][4] == 27.0


def test_a_deadband_goes_on_over_the_sleep():
    world = World(connect_every=1, sensors=[{"kind": "simulated", "deadband": 1}])
    values = [2000, 2030, 2050, 2120, 2130, 2250]
    limited(world, values)
    while values:
        world.wakes(1)
    told = [one["temperature"] for one in world.messages() if "temperature" in one]
    assert told == [20.0, 21.2, 22.5]


def test_a_sensor_that_fails_in_each_wake_is_told_once_and_again_after_it_was_well():
    world = World(connect_every=10)
    fails = [False, True, True, True, False, True, True]
    state = {}

    async def broken(reading):
        if state["fails"]:
            raise OSError(110)
        reading.values[0] = 1

    def change(agent):
        state["fails"] = fails.pop(0)
        agent.sampler.sensors[0][1].read_into = broken

    world.change = change
    logins = []
    while fails:
        world.wakes(1)
        logins.append(world.broker.logins)
    told = [one["sensor"] for one in world.events("sensor_failed")]
    assert told == ["simulated:temperature"] * 2
    assert logins == [1, 2, 2, 2, 2, 3, 3]


def test_a_command_to_restart_ends_the_wake_and_keeps_the_readings():
    world = World(connect_every=10)
    world.wakes(4)
    world.change = lambda agent: agent.stop(0)
    world.wakes(1)
    assert world.slept_ms == 0
    world.change = None
    world.wakes(1)
    taken = len(world.taken)
    assert [seq for _, seq in world.telemetry()] == list(range(taken))
    assert [one["lost_from"] for one in world.events("store_opened")] == [None, None]


def test_the_clock_may_be_set_without_harm_to_the_grid():
    world = World(connect_every=2)
    world.has_time_server = False
    world.wakes(5)
    world.has_time_server = True
    world.wakes(6)
    stamps = [one["timestamp"] for one in world.messages() if "timestamp" in one and "seq" in one]
    gaps = [later - stamp for stamp, later in zip(stamps, stamps[1:])]
    assert all(58 <= gap <= 62 for gap in gaps), gaps
    assert time.rtc_off_s == 0
