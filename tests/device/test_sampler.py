import asyncio

from fakes.sampling import Rig, SamplingTime, Sensor
from firmware.errors import SensorError
from firmware.reading import Datapoint

HOUR_S = 3600


def test_the_first_reading_is_taken_at_once_and_the_rest_on_the_grid():
    # The ticks wrap after five seconds.
    time = SamplingTime()
    sensor = Sensor(time, "a", cost_ms=700)
    rig = Rig(time, [("x", sensor)])
    rig.run(95)
    assert sensor.asked_ms == [at * 1000 for at in range(0, 100, 10)]
    assert [at for at, _ in rig.taken()] == list(range(0, 100, 10))
    assert rig.lines.having("reading_taken")[1] == "0 D sampler reading_taken boot=1 seq=1"
    assert rig.lines.having("samples_missed") == []


def test_intervals_that_pass_meanwhile_are_counted_not_made_up_for():
    time = SamplingTime()
    slow = [Sensor(time, key, cost_ms=4900) for key in "abcde"]
    rig = Rig(time, [("x", sensor) for sensor in slow])
    rig.run(70)
    assert slow[0].asked_ms == [0, 30_000, 60_000]
    assert rig.lines.having("samples_missed")[0] == "0 W sampler samples_missed count=2"


def test_a_shorter_interval_wakes_up_who_waits_for_the_rest_of_a_day():
    time = SamplingTime(limit_ms=90_000_000)
    sensor = Sensor(time, "a")
    rig = Rig(time, [("x", sensor)], interval_s=86400)

    async def change():
        await time.sleep_ms(1_805_000)
        rig.sampler.set_interval(10)

    rig.run(1835, change)
    assert sensor.asked_ms == [0, 1_810_000, 1_820_000, 1_830_000]
    assert rig.lines.having("samples_missed") == []


def test_a_longer_interval_counts_from_the_last_reading():
    time = SamplingTime()
    sensor = Sensor(time, "a")
    rig = Rig(time, [("x", sensor)])

    async def change():
        await time.sleep_ms(25_000)
        rig.sampler.set_interval(60)

    rig.run(150, change)
    assert sensor.asked_ms == [0, 10_000, 20_000, 80_000, 140_000]


def test_a_change_while_a_sensor_is_being_read_holds_from_then_on():
    time = SamplingTime()
    sensor = Sensor(time, "a", cost_ms=2000)
    rig = Rig(time, [("x", sensor)], interval_s=600)

    async def change():
        await time.sleep_ms(1000)
        rig.sampler.set_interval(30)

    rig.run(100, change)
    assert sensor.asked_ms == [0, 30_000, 60_000, 90_000]


def test_on_demand_the_values_are_told_as_they_are_on_the_wire():
    time = SamplingTime()
    warm = Sensor(time, Datapoint("t", "°C", decimals=2), tell=lambda _: 22.35)
    door = Sensor(time, Datapoint("door", data_type="boolean"), tell=lambda _: True)
    silent = Sensor(time, "n", tell=lambda _: float("nan"))
    rig = Rig(time, [("w", warm), ("d", door), ("s", silent), ("c", Sensor(time, "c"))])
    told = []

    async def ask():
        await time.sleep_ms(3000)
        told.append(await rig.sampler.sample())

    rig.run(15, ask)
    assert abs(told[0].pop("t") - 22.35) < 1e-5
    assert told == [{"door": True, "c": 7}]
    assert [at for at, _ in rig.taken()] == [0, 3, 10]


def test_on_demand_and_by_the_clock_never_mix_in_one_reading():
    time = SamplingTime()
    sensors = [Sensor(time, key, tell=lambda at: at, cost_ms=900) for key in "ab"]
    rig = Rig(time, [("x", sensor) for sensor in sensors], interval_s=5)
    told = []

    async def ask():
        for _ in range(40):
            await time.sleep_ms(777)
            told.append(await rig.sampler.sample())

    rig.run(120, ask, ask)
    assert len(told) == 80
    for values in told:
        # Both were told within one sampling.
        assert 0 <= values["b"] - values["a"] <= 1, values
    for earlier, later in zip(sensors[1].asked_ms, sensors[0].asked_ms[1:]):
        assert later >= earlier + 900


def test_a_reading_on_demand_stands_for_one_that_falls_due_meanwhile():
    time = SamplingTime()
    slow = Sensor(time, "a", cost_ms=2000)
    rig = Rig(time, [("x", slow)])

    async def ask():
        await time.sleep_ms(9000)
        await rig.sampler.sample()

    rig.run(25, ask)
    assert slow.asked_ms == [0, 9000, 20_000]


def test_who_gives_up_a_reading_on_demand_costs_no_other_one():
    time = SamplingTime()
    slow = Sensor(time, "a", cost_ms=2000)
    rig = Rig(time, [("x", slow)])

    async def ask():
        await time.sleep_ms(9000)
        task = asyncio.create_task(rig.sampler.sample())
        await time.sleep_ms(1500)
        task.cancel()

    rig.run(15, ask)
    # Given up at 10.5 s; the one of 10 s, which had waited for it, is taken then.
    assert slow.asked_ms == [0, 9000, 10_500]
    assert len(rig.taken()) == 2


def test_a_reading_on_demand_needs_no_running_sampler():
    time = SamplingTime()
    rig = Rig(time, [("x", Sensor(time, "a"))])
    told = []

    async def ask():
        told.append(await rig.sampler.sample())

    time.run(ask())
    assert told == [{"a": 7}] and len(rig.taken()) == 1


def test_sixteen_sensors_are_one_reading():
    time = SamplingTime()
    sensors = [("x", Sensor(time, "k%d" % n, tell=lambda at: at)) for n in range(16)]
    rig = Rig(time, sensors, interval_s=60)
    rig.run(HOUR_S - 1)
    told = rig.taken()
    assert len(told) == 60
    for at, values in told:
        assert values == {"k%d" % n: at for n in range(16)}


def test_a_sensor_being_read_is_named_to_a_later_start():
    time = SamplingTime()
    rig = Rig(time, [])
    seen = []

    async def look(_sensor, _reading):
        seen.append(rig.store.saved[-1])

    sensors = [Sensor(time, key) for key in "abc"]
    rig = Rig(time, [("x", sensor) for sensor in sensors])
    for sensor in sensors:
        sensor.acts = look
    rig.run(5)
    assert seen == [1, 2, 3]
    assert rig.store.saved[-1] == 0
    # One for each sensor, and the one that comes with the reading.
    assert len(rig.store.saved) == 4


def test_after_readings_of_nothing_no_sensor_is_named_either():
    time = SamplingTime()
    rig = Rig(time, [("x", Sensor(time, "a", tell=lambda _: 1 / 0))])
    rig.run(5)
    assert rig.taken() == []
    assert rig.store.saved[-1] == 0


def test_a_sensor_that_stalled_the_board_is_left_alone_and_named():
    time = SamplingTime()
    bad, good = Sensor(time, "soil"), Sensor(time, "b")
    rig = Rig(time, [("adc", bad), ("x", good)])
    rig.store.disabled = 1 | 1 << 9
    rig.run(25)
    assert bad.asked_ms == []
    assert [values for _, values in rig.taken()] == [{"b": 7}] * 3
    assert rig.lines.having("sensor_disabled") == [
        "0 E sampler sensor_disabled sensor=adc:soil why=stalled"
    ]
    assert rig.events == [("sensor_disabled", {"sensor": "adc:soil", "why": "stalled"})]


def test_an_old_value_is_never_told_again():
    time = SamplingTime()

    def tell(at):
        if at >= 10:
            raise SensorError("x")
        return 7

    rig = Rig(time, [("x", Sensor(time, "a", tell=tell)), ("y", Sensor(time, "b"))])
    rig.run(15)
    assert [values for _, values in rig.taken()] == [{"a": 7, "b": 7}, {"b": 7}]
