import asyncio
import sys

from fakes.sampling import Rig, SamplingTime, Sensor
from firmware.errors import ConfigError, SensorError

HEAP_KB = 512  # for what is kept here to be looked at

HOUR_S = 3600
DAY_S = 86400


def rig_with(acts, interval_s=10, limit_ms=3_600_000):
    """Return a rig of a sensor that acts so, and of one that is well."""
    time = SamplingTime(limit_ms)
    bad = Sensor(time, "soil")
    bad.acts = acts
    rig = Rig(time, [("adc", bad), ("x", Sensor(time, "good"))], interval_s)
    return rig, bad


def of(rig, event_type):
    return [metadata for one, metadata in rig.events if one == event_type]


async def hang(_sensor, _reading):
    await asyncio.Event().wait()


async def set_half_and_hang(sensor, reading):
    reading.set("soil", 1)
    await hang(sensor, reading)


async def fail(_sensor, _reading):
    raise SensorError("bad checksum")


def test_whatever_a_driver_raises_costs_only_its_own_value():
    for exc, why in (
        (SensorError("bad checksum"), "bad checksum"),
        (OSError(110), "ETIMEDOUT"),
        (OSError("gone"), "gone"),
        (KeyError("x"), "KeyError('x',)"),
        (ValueError("no"), "ValueError('no',)"),
        (MemoryError("allocation failed"), "MemoryError('allocation failed',)"),
        (ZeroDivisionError(), "ZeroDivisionError()"),
        (ConfigError("x" * 200), ("ConfigError('" + "x" * 200)[:80]),
        (Exception("checksum error"), "Exception('checksum error',)"),
        (asyncio.CancelledError(), "timeout"),
        (asyncio.TimeoutError(), "TimeoutError()"),
    ):

        async def act(_sensor, _reading, exc=exc):
            raise exc

        rig, _ = rig_with(act)
        rig.run(15)
        assert [values for _, values in rig.taken()] == [{"good": 7}] * 2
        assert rig.events == [("sensor_failed", {"sensor": "adc:soil", "why": why, "count": 1})]
        assert rig.lines.having("sensor_failed") == [
            "0 W sampler sensor_failed count=1 sensor=adc:soil why=" + why
        ]


def test_what_is_no_coroutine_or_sets_what_is_not_declared_fails_alone_too():
    async def set_another(_sensor, reading):
        reading.set("nothing", 1)

    for act in (set_another, lambda _sensor, _reading: None):
        rig, _ = rig_with(act)
        rig.run(5)
        assert [values for _, values in rig.taken()] == [{"good": 7}]
        assert len(of(rig, "sensor_failed")) == 1


def test_a_hanging_sensor_is_given_up_after_its_time():
    rig, bad = rig_with(hang)
    rig.run(99)
    assert bad.asked_ms == [at * 1000 for at in range(0, 100, 10)]
    assert [at for at, _ in rig.taken()] == list(range(0, 100, 10))
    assert of(rig, "sensor_failed") == [{"sensor": "adc:soil", "why": "timeout", "count": 1}]
    assert rig.lines.having("samples_missed") == []


def test_what_was_set_before_a_sensor_hung_is_a_value():
    rig, _ = rig_with(set_half_and_hang)
    rig.run(8)
    assert [values for _, values in rig.taken()] == [{"soil": 1, "good": 7}]


def test_a_driver_that_swallows_its_cancellation_holds_nobody_up():
    running = [0, 0]  # now, at most

    async def swallow(sensor, reading):
        running[0] += 1
        running[1] = max(running)
        for _ in range(3):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                pass
        # Much too late, and while another reading is being taken.
        reading.set("soil", 99)
        running[0] -= 1

    rig, bad = rig_with(swallow)
    rig.run(99)
    assert [at for at, _ in rig.taken()] == list(range(0, 100, 10))
    assert [values for _, values in rig.taken()] == [{"good": 7}] * 10
    # It was told to end at 5, 10 and 20 s, and did; the next read did so again.
    assert bad.asked_ms == [0, 30_000, 60_000, 90_000]
    assert running[1] == 1


def test_one_that_never_ends_is_not_read_twice_nor_stops_the_agent():
    async def never(sensor, _reading):
        while True:
            try:
                await sensor.time.sleep_ms(60_000)
            except asyncio.CancelledError:
                pass

    rig, bad = rig_with(never)
    rig.run(599)
    assert bad.asked_ms == [0]
    assert len(rig.taken()) == 60
    assert of(rig, "sensor_failed") == [{"sensor": "adc:soil", "why": "timeout", "count": 1}]


def test_what_a_late_driver_sets_is_in_no_reading():
    async def late(sensor, reading):
        while sensor.time.passed_ms < 10_500:
            try:
                await sensor.time.sleep_ms(10_500 - sensor.time.passed_ms)
            except asyncio.CancelledError:
                pass
        reading.set("soil", 99)

    # The reading of 10 s is being taken when it sets its value, at 10.5 s.
    rig, _ = rig_with(late)
    rig.sampler.sensors[1][1].cost_ms = 1000
    rig.run(15)
    assert [values for _, values in rig.taken()] == [{"good": 7}] * 2


async def test_so_it_is_with_what_asyncio_itself_does_about_time():
    wait_for_ms = asyncio.wait_for_ms
    asyncio.wait_for_ms = lambda awaitable, ms: wait_for_ms(awaitable, ms // 100)
    ended = []

    async def swallow(_sensor, _reading):
        while not ended:
            try:
                await asyncio.sleep_ms(60_000)
            except asyncio.CancelledError:
                pass

    async def sleep(_sensor, _reading):
        try:
            await asyncio.sleep_ms(60_000)
        finally:
            ended.append(1)

    for act, count in ((swallow, 0), (sleep, 2)):
        rig, _ = rig_with(act)
        for _ in range(2):
            assert await rig.sampler.sample() == {"good": 7}
        await asyncio.sleep_ms(0)
        assert [one["why"] for one in of(rig, "sensor_failed")] == ["timeout"]
        assert len(ended) == count


def test_a_failing_sensor_is_told_once_and_so_is_its_recovery():
    async def act(sensor, _reading):
        if sensor.time.passed_ms < 1_000_000:
            raise SensorError("bad checksum")

    rig, _ = rig_with(act, limit_ms=10_000_000)
    rig.run(2 * HOUR_S)
    fields = {"sensor": "adc:soil", "why": "bad checksum"}
    assert rig.events == [
        ("sensor_failed", dict(fields, count=1)),
        ("sensor_recovered", dict(fields, count=100)),
    ]
    assert rig.lines.having("sensor_recovered") == [
        "0 I sampler sensor_recovered count=100 sensor=adc:soil why=bad checksum"
    ]
    # What knows of failures is not kept for those that are over.
    assert rig.sampler.failing is None
    assert "firmware.failing" not in sys.modules


def test_one_that_comes_and_goes_does_not_flood():
    async def act(sensor, _reading):
        if sensor.time.passed_ms // 60_000 % 2:
            raise SensorError("loose")

    rig, _ = rig_with(act, interval_s=60, limit_ms=90_000_000)
    rig.run(DAY_S)
    failed, recovered = of(rig, "sensor_failed"), of(rig, "sensor_recovered")
    # Every ten minutes at most, and nothing is forgotten.
    assert 100 < len(failed) <= DAY_S // 600
    assert len(rig.lines.having("sensor_failed")) == len(failed)
    assert abs(sum(one["count"] for one in recovered) - DAY_S // 120) <= 10


def test_a_bus_that_dies_with_all_its_sensors_leaves_room_for_other_events():
    time = SamplingTime(limit_ms=90_000_000)
    sensors = [Sensor(time, "k%d" % number) for number in range(16)]
    for sensor in sensors:
        sensor.acts = fail
    rig = Rig(time, [("i2c", sensor) for sensor in sensors], interval_s=60)
    at_ten_minutes = []

    async def look():
        await time.sleep_ms(500_000)
        at_ten_minutes.extend(rig.events)

    rig.run(HOUR_S, look)
    assert len(at_ten_minutes) == 6
    # Each is told in the end.
    assert sorted(one["sensor"] for one in of(rig, "sensor_failed")) == sorted(
        "i2c:k%d" % number for number in range(16)
    )


def test_sixteen_that_hang_are_within_what_was_promised():
    time = SamplingTime()
    sensors = [Sensor(time, "k%d" % number) for number in range(15)]
    for sensor in sensors:
        sensor.acts = hang
    sensors.append(Sensor(time, "good"))
    rig = Rig(time, [("x", sensor) for sensor in sensors], interval_s=1)

    async def ask():
        while True:
            await time.sleep_ms(76_000)
            await rig.sampler.sample()

    rig.run(HOUR_S - 60, ask)  # run() finds a broken promise
    assert len(rig.series("good")) > 40
