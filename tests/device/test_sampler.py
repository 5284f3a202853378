import asyncio

from fakes.clock import FakeClock
from fakes.log import Lines
from firmware import sampler as sampler_module
from firmware.errors import SensorError
from firmware.reading import Datapoint, Reading
from firmware.sampler import Sampler


class Store:
    """Takes records and numbers them."""

    boot = 1

    def __init__(self):
        self.records = []

    def append(self, record):
        self.records.append(record)
        return len(self.records) - 1


class Sensor:
    def __init__(self, key, clock=None, cost_ms=0, fails=None):
        self.points = (Datapoint(key),)
        self.clock = clock
        self.cost_ms = cost_ms
        self.fails = fails
        self.asked_at = []

    async def read_into(self, reading):
        if self.clock:
            self.asked_at.append(self.clock.now)
            self.clock.now += self.cost_ms
        if self.fails == "hang":
            await asyncio.Event().wait()
        if self.fails:
            raise self.fails
        reading.set(self.points[0].key, 7)


class Rig:
    def __init__(self, *sensors, interval_s=10, clock=None):
        self.clock = clock or FakeClock()
        self.lines = Lines()
        store = Store()
        self.taken = store.records
        points = [point for sensor in sensors for point in sensor.points]
        self.reading = Reading(points)
        self.sampler = Sampler(
            [(sensor.points[0].key, sensor) for sensor in sensors],
            self.reading, store, self.clock, self.lines.log("sampler"), interval_s
        )  # fmt: skip

    async def run_until(self, seconds):
        task = asyncio.create_task(self.sampler.run())
        while self.clock.now < seconds * 1000:
            await asyncio.sleep_ms(0)
        task.cancel()


async def test_the_first_reading_is_taken_at_once_and_the_rest_on_the_grid():
    clock = FakeClock()
    sensor = Sensor("a", clock, cost_ms=700)
    rig = Rig(sensor, clock=clock)
    await rig.run_until(100)
    assert sensor.asked_at[:5] == [0, 10_000, 20_000, 30_000, 40_000]
    assert rig.lines.having("reading_taken")[1] == "0 D sampler reading_taken boot=1 seq=1"


async def test_the_grid_holds_over_the_wrap_of_the_ticks():
    clock = FakeClock(now=(1 << 30) - 25_000)
    start = clock.now
    sensor = Sensor("a", clock, cost_ms=3)
    rig = Rig(sensor, clock=clock)
    await rig.run_until(start // 1000 + 60)
    assert [at - start for at in sensor.asked_at[:6]] == [
        0,
        10_000,
        20_000,
        30_000,
        40_000,
        50_000,
    ]


async def test_intervals_that_pass_meanwhile_are_counted_not_made_up_for():
    clock = FakeClock()
    sensor = Sensor("a", clock, cost_ms=25_000)
    rig = Rig(sensor, clock=clock)
    await rig.run_until(70)
    assert sensor.asked_at[:3] == [0, 30_000, 60_000]
    assert rig.lines.having("samples_missed")[0] == "0 W sampler samples_missed count=2"


async def test_a_failing_sensor_costs_only_its_own_value():
    rig = Rig(Sensor("bad", fails=SensorError("bad checksum")), Sensor("good"))
    await rig.sampler.sample()
    rig.reading.unpack(rig.taken[0])
    assert rig.reading.values == [None, 7]
    assert rig.lines.having("sensor_skipped") == [
        "0 W sampler sensor_skipped sensor=bad why=bad checksum"
    ]


async def test_a_bus_error_and_a_hanging_sensor_are_skipped_too():
    sampler_module._SENSOR_MS = 30
    rig = Rig(Sensor("bus", fails=OSError(116)), Sensor("stuck", fails="hang"), Sensor("good"))
    await rig.sampler.sample()
    rig.reading.unpack(rig.taken[0])
    assert rig.reading.values == [None, None, 7]
    assert (
        rig.lines.having("sensor_skipped")[1]
        == "0 W sampler sensor_skipped sensor=stuck why=timeout"
    )


async def test_nothing_measured_is_no_reading():
    rig = Rig(Sensor("bad", fails=SensorError("x")))
    await rig.sampler.sample()
    assert rig.taken == []


async def test_an_old_value_is_never_told_again():
    sensor = Sensor("a")
    other = Sensor("b")
    rig = Rig(sensor, other)
    await rig.sampler.sample()
    sensor.fails = SensorError("x")
    await rig.sampler.sample()
    rig.reading.unpack(rig.taken[1])
    assert rig.reading.values == [None, 7]
