"""Sensors on their own grids, through windows, deadbands and limits, as the store gets it."""

import asyncio

from fakes.sampling import Rig, SamplingTime, Sensor
from firmware.errors import SensorError
from firmware.filters import wrap
from firmware.reading import Datapoint
from firmware.schedule import Schedule

HEAP_KB = 512  # for what is kept here to be looked at

DAY_S = 86400
TENTHS = Datapoint("t", "°C", decimals=1)


def value_at(second):
    """A value in tenths that jumps about: any sample that is missed or doubled shows."""
    return (second * 7919 + 13) % 1999 - 999


def rig_of(*entries, interval_s=60, limit_ms=90_000_000):
    """entries are (sensor, options)."""
    time = entries[0][0].time
    sensors = [
        ("x", wrap("x", one, dict(options)) if options else one) for one, options in entries
    ]
    return Rig(time, sensors, interval_s, Schedule)


def sensor(time=None, key="t", decimals=1, tell=None, **more):
    time = time or SamplingTime(limit_ms=90_000_000)
    scale = 10**decimals
    return Sensor(
        time, Datapoint(key, decimals=decimals),
        tell=lambda at: (tell or value_at)(at) / scale, **more
    )  # fmt: skip


def test_a_day_of_means_to_the_digit():
    one = sensor()
    rig = rig_of(
        (one, {"every_s": 10, "aggregate": ["mean", "min", "max", "count", "last"]}),
        interval_s=300,
    )
    rig.run(DAY_S)
    taken = rig.taken()
    assert [at for at, _ in taken] == list(range(0, DAY_S + 1, 300))
    assert len(one.asked_ms) == DAY_S // 10 + 1
    for at, values in taken:
        window = [value_at(at - back) for back in range(0, 300 if at else 10, 10)]
        wanted = (2 * sum(window) + len(window)) // (2 * len(window))
        assert values == {
            "t": wanted, "t_min": min(window), "t_max": max(window),
            "t_count": len(window), "t_last": window[0],
        }, at  # fmt: skip


def test_all_grids_hold_over_the_wrap_of_the_ticks():
    time = SamplingTime(limit_ms=90_000_000)
    fast, slow, plain = (sensor(time, key) for key in ("f", "s", "p"))
    rig = rig_of((fast, {"every_s": 7}), (slow, {"every_s": 150}), (plain, {}))
    rig.run(1200)
    assert fast.asked_ms == [at * 1000 for at in range(0, 1201, 7)]
    assert plain.asked_ms == [at * 1000 for at in range(0, 1201, 60)]
    # Asked for the first reading at or after it is due, so that its time is right.
    assert slow.asked_ms == [at * 1000 for at in (0, 180, 300, 480, 600, 780, 900, 1080, 1200)]
    assert rig.series("s") == [(at // 1000, value_at(at // 1000)) for at in slow.asked_ms]
    assert [at for at, _ in rig.series("p")] == list(range(0, 1201, 60))
    assert rig.lines.having("samples_missed") == []


def test_sixteen_sensors_each_on_its_own_grid():
    time = SamplingTime(limit_ms=90_000_000)
    entries = [(sensor(time, "k%d" % n), {"every_s": n + 1}) for n in range(16)]
    rig = rig_of(*entries)
    rig.run(1800)
    for number, (one, _) in enumerate(entries):
        assert one.asked_ms == [at * 1000 for at in range(0, 1801, number + 1)]


def test_a_window_without_a_good_sample_has_no_value():
    def tell(at):
        if 60 < at <= 180:
            raise SensorError("out")
        return at

    one = sensor(tell=tell)
    rig = rig_of((one, {"every_s": 10, "aggregate": ["mean", "count"]}))
    rig.run(300)
    assert rig.series("t") == [(0, 0), (60, 35), (240, 215), (300, 275)]
    assert rig.series("t_count") == [(0, 1), (60, 6), (240, 6), (300, 6)]


def test_a_deadband_and_its_heartbeat():
    one = sensor(tell=lambda at: 200 + at // 60 % 3 + (100 if at >= 5000 else 0))
    rig = rig_of((one, {"deadband": 0.5, "heartbeat_s": 1800}))
    rig.run(7200)
    assert [at for at, _ in rig.series("t")] == [0, 1800, 3600, 5040, 6840]
    # Nothing to tell is no reading.
    assert len(rig.taken()) == 5


def test_a_limit_that_is_crossed_is_a_reading_at_once():
    one = sensor(tell=lambda at: 900 if 1234 <= at < 2345 else 200)
    rig = rig_of((one, {"every_s": 1, "high": 80, "aggregate": "mean"}), interval_s=600)
    rig.run(3000)
    assert [pair for pair in rig.series("t") if pair[0] % 600] == [(1234, 900), (2345, 200)]
    assert [at for at, _ in rig.taken()] == [0, 600, 1200, 1234, 1800, 2345, 2400, 3000]
    # The samples told at once are in their means too.
    assert rig.series("t")[4] == (1800, (900 * 567 + 200 * 33 + 300) // 600)


def test_a_limit_crossed_as_a_reading_is_due_has_one_value_then():
    one = sensor(tell=lambda at: 900 if at >= 600 else 200)
    rig = rig_of((one, {"every_s": 10, "high": 80, "aggregate": ["mean", "max"]}), interval_s=300)
    rig.run(900)
    assert rig.series("t") == [(0, 200), (300, 200), (600, 900), (900, 900)]
    assert rig.series("t_max") == [(0, 200), (300, 200), (600, 900), (900, 900)]
    assert rig.sampler.is_alarmed


def test_noise_around_a_limit_does_not_fill_the_store():
    one = sensor(tell=lambda at: 800 + at * 7919 % 21 - 10)
    rig = rig_of((one, {"every_s": 1, "high": 80}), interval_s=600)
    rig.run(3600)
    assert len(rig.taken()) <= 7 + 2 * 60
    other = sensor(tell=lambda at: 800 + at * 7919 % 21 - 10)
    rig = rig_of((other, {"every_s": 1, "high": 80, "deadband": 2}), interval_s=600)
    rig.run(3600)
    assert len(rig.taken()) <= 7 + 1


def test_a_failing_sensor_leaves_the_windows_of_others_alone():
    time = SamplingTime(limit_ms=90_000_000)
    hung, good = sensor(time, "h"), sensor(time, "g", tell=lambda at: at)

    async def hang(_sensor, _reading):
        await asyncio.Event().wait()

    hung.acts = hang
    rig = rig_of((hung, {"every_s": 20}), (good, {"every_s": 10, "aggregate": ["last", "count"]}))
    rig.run(606)
    assert rig.series("h") == []
    assert [count for _, count in rig.series("g_count")][1:] == [6] * 10
    assert [event_type for event_type, _ in rig.events] == ["sensor_failed"]


def test_what_passed_while_a_sensor_was_slow_is_counted():
    time = SamplingTime(limit_ms=90_000_000)
    slow, fast = sensor(time, "s", cost_ms=4500), sensor(time, "f")
    rig = rig_of((slow, {"every_s": 30}), (fast, {"every_s": 1}))
    rig.run(65)
    assert fast.asked_ms[:4] == [4500, 5000, 6000, 7000]
    # At 0 s: those of 1 to 4 s, before the first of it; at 30 and 60 s likewise.
    assert rig.lines.having("samples_missed") == [
        "0 W sampler samples_missed count=4",
        "0 W sampler samples_missed count=8",
    ]


def test_the_interval_changes_at_once_and_the_sensors_keep_their_grids():
    time = SamplingTime(limit_ms=90_000_000)
    one = sensor(time, tell=lambda at: at)
    rig = rig_of((one, {"every_s": 25, "aggregate": "count"}), interval_s=3600)

    async def change():
        await time.sleep_ms(1_005_000)
        rig.sampler.set_interval(100)
        await time.sleep_ms(200_000)
        rig.sampler.set_interval(1000)

    rig.run(3300, change)
    assert one.asked_ms[:40] == [at * 1000 for at in range(0, 1000, 25)]
    assert rig.series("t") == [(0, 1), (1100, 44), (1200, 4), (2200, 40), (3200, 40)]


def test_on_demand_everything_is_asked_and_told():
    time = SamplingTime(limit_ms=90_000_000)
    rare, still = sensor(time, "r"), sensor(time, "s", tell=lambda _: 20)
    rig = rig_of((rare, {"every_s": 3600}), (still, {"deadband": 5}), interval_s=600)
    told = []

    async def ask():
        await time.sleep_ms(100_500)
        told.append(await rig.sampler.sample())

    rig.run(1300, ask)
    assert set(told[0]) == {"r", "s"}
    assert [at for at, _ in rig.series("s")] == [0, 100]
    # The grids did not move.
    assert rare.asked_ms == [0, 100_500]
    assert still.asked_ms == [0, 100_500, 600_000, 1_200_000]


def test_between_two_readings_no_sensor_is_named_as_being_read():
    one = sensor()
    rig = rig_of((one, {"every_s": 5}))
    rig.run(12)
    assert rig.store.saved[-4:] == [1, 0, 1, 0]
