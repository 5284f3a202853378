from fakes.board import FakeBoard
from firmware import sensors
from firmware.errors import ConfigError
from firmware.filters import Channel, wrap
from firmware.reading import Datapoint


class Station:
    """A sensor of every type of datapoint."""

    points = (
        Datapoint("t", "°C", decimals=2),
        Datapoint("h", "%", decimals=1),
        Datapoint("door", data_type="boolean"),
        Datapoint("mode", data_type="string"),
    )

    async def read_into(self, reading):
        pass


def channels(**options):
    return {channel.point.key: channel for channel in wrap("x", Station(), options).channels}


def refusal(**options):
    try:
        wrap("x", Station(), options)
    except ConfigError as exc:
        text = str(exc)
        assert text.startswith("sensors: x: "), text
        return text[len("sensors: x: ") :]
    raise AssertionError(options)


def channel(decimals=0, data_type="number", **options):
    one = Channel(Datapoint("t", decimals=decimals, data_type=data_type))
    for name in ("aggregate", "deadband", "low", "high", "heartbeat_s"):
        if name in options:
            one.set(name, options[name])
    one.settle()
    return one


def told(one, *samples, interval_ms=60_000, is_forced=False):
    for sample in samples:
        one.take(sample)
    return one.report(interval_ms, is_forced)


def test_an_option_is_for_all_datapoints_or_by_key():
    for one in channels(deadband=2).values():
        assert one.deadband
    found = channels(deadband={"t": 0.5, "h": 2}, heartbeat_s=600)
    assert (found["t"].deadband, found["h"].deadband, found["door"].deadband) == (50, 20, None)
    assert (found["t"].heartbeat_ms, found["door"].heartbeat_ms) == (600_000, None)
    found = channels(low={"t": -4.25}, high={"t": 8})
    assert (found["t"].low, found["t"].high, found["h"].high) == (-425, 800, None)


def test_the_datapoints_follow_what_is_told():
    asked = {"t": ["mean", "min", "max", "count"], "door": ["last", "count"], "mode": "count"}
    points = wrap("x", Station(), {"aggregate": asked}).points
    assert [(p.key, p.unit, p.data_type, p.decimals) for p in points] == [
        ("t", "°C", "number", 2),
        ("t_min", "°C", "number", 2),
        ("t_max", "°C", "number", 2),
        ("t_count", "", "number", 0),
        ("h", "%", "number", 1),
        ("door", "", "boolean", 0),
        ("door_count", "", "number", 0),
        ("mode", "", "number", 0),
    ]


def test_what_makes_no_sense_is_refused_with_the_sensor_and_the_option():
    for options, said in (
        ({"every_s": 0}, "every_s: 0 is not in 1..86400"),
        ({"every_s": 86401}, "every_s: 86401 is not in 1..86400"),
        ({"every_s": 1.5}, "every_s: 1.5 is not of type int"),
        ({"every_s": True}, "every_s: True is not of type int"),
        ({"every_s": {"t": 5}}, "every_s: {'t': 5} is not of type int"),
        ({"aggregate": {"t": ""}}, "aggregate: '' is not one of last, mean, min, max, count"),
        ({"aggregate": {"t": 5}}, "aggregate: 5 is not one of last, mean, min, max, count"),
        ({"aggregate": {"t": []}}, "aggregate: empty"),
        ({"aggregate": {"t": ["min", "min"]}}, "aggregate: min twice"),
        ({"aggregate": "mean"}, "aggregate: door has no mean"),
        ({"aggregate": {"mode": "max"}}, "aggregate: mode has no max"),
        ({"aggregate": {"x": "max"}}, "aggregate: there is no datapoint x"),
        ({"deadband": {"t": 0}}, "deadband: 0 is less than a step of t"),
        ({"deadband": {"t": -1}}, "deadband: -1 is less than a step of t"),
        ({"deadband": {"t": "1"}}, "deadband: '1' is not a number"),
        ({"deadband": {"t": True}}, "deadband: True is not a number"),
        ({"deadband": {"t": 1e30}}, "deadband: out of range"),
        ({"deadband": {"t": float("nan")}}, "deadband: out of range"),
        ({"heartbeat_s": 60}, "heartbeat_s: there is no deadband"),
        ({"heartbeat_s": {"t": 60}, "deadband": {"h": 1}}, "heartbeat_s: t has no deadband"),
        ({"heartbeat_s": 0, "deadband": 1}, "heartbeat_s: 0 is not in 1..86400"),
        ({"low": 5}, "low: door is no number"),
        ({"high": {"mode": 5}}, "high: mode is no number"),
        ({"low": {"t": 8}, "high": {"t": 8}}, "low: not below high"),
        ({"high": {"t": 1e9}}, "high: out of range"),
        ({"aggregate": {"t": "count"}, "high": {"t": 8}},
         "aggregate: count cannot be the first with a deadband or limits"),
        ({"every": 5}, "unknown option every"),
        ({"every_s": 5, "b": 1, "a": 2}, "unknown option a"),
    ):  # fmt: skip
        assert refusal(**options) == said, (refusal(**options), said)


def test_a_sensor_of_the_settings_has_the_general_options():
    entry = {"kind": "simulated", "key": "t", "every_s": 10, "aggregate": ["mean", "max"]}
    (kind, sensor), (_, plain) = sensors.open_all(
        [entry, {"kind": "internal_temperature", "key": "chip"}], FakeBoard()
    )
    assert kind == "simulated" and sensor.every_ms == 10_000
    assert [point.key for point in sensor.points] == ["t", "t_max"]
    assert not hasattr(plain, "channels")
    try:
        sensors.open_all([dict(entry, low=9, high=3)], FakeBoard())
    except ConfigError as exc:
        assert str(exc) == "sensors: simulated: low: not below high"
        return
    raise AssertionError("no error")


def test_aggregates_to_the_digit():
    one = channel(aggregate=["mean", "min", "max", "last", "count"])
    for samples, wanted in (
        ((7,), [7, 7, 7, 7, 1]),
        ((1, 2), [2, 1, 2, 2, 2]),  # halves up
        ((-1, -2), [-1, -2, -1, -2, 2]),
        ((-3, 0, 0, 0), [-1, -3, 0, 0, 4]),
        ((0x3FFFFFFF,) * 5 + (0x3FFFFFFE,), [0x3FFFFFFF, 0x3FFFFFFE, 0x3FFFFFFF, 0x3FFFFFFE, 6]),
        ((-0x3FFFFFFF,) * 3, [-0x3FFFFFFF] * 4 + [3]),
    ):
        assert told(one, *samples) == wanted, samples
    assert told(one) is None


def test_a_text_or_a_boolean_has_its_last_value_and_a_count():
    assert told(channel(data_type="string", aggregate=["last", "count"]), "a", "b") == ["b", 2]
    assert told(channel(data_type="boolean"), True, False) == [False]


def test_a_deadband_is_measured_from_what_was_told():
    one = channel(decimals=1, deadband=0.5)
    assert told(one, 200) == [200]
    # It creeps: each step is small, the sum is not.
    assert [told(one, value) for value in (203, 204, 205, 209, 201, 200)] == [
        None, None, [205], None, None, [200],
    ]  # fmt: skip
    assert told(one, 201, is_forced=True) == [201]


def test_a_peak_is_told_though_the_mean_has_not_moved():
    one = channel(aggregate=["mean", "max", "count"], deadband=10)
    assert told(one, 100, 100) == [100, 100, 2]
    assert told(one, 101, 100, 100) is None
    assert told(one, *[100] * 20) is None
    assert told(one, 100, 100, 100, 112) == [103, 112, 4]


def test_any_change_of_a_text_or_a_boolean_leaves_the_deadband():
    one = channel(data_type="boolean", deadband=1)
    assert [told(one, value) for value in (True, True, False, False)] == [
        [True], None, [False], None,
    ]  # fmt: skip


def test_a_heartbeat_is_never_later_than_promised():
    for heartbeat_s, interval_s, every in ((3600, 300, 12), (1000, 300, 3), (60, 300, 1)):
        one = channel(deadband=5, heartbeat_s=heartbeat_s)
        at = [
            number
            for number in range(40)
            if told(one, 20, interval_ms=interval_s * 1000) is not None
        ]
        assert at == list(range(0, 40, every)), at


def test_a_limit_is_crossed_once_there_and_once_back():
    one = channel(decimals=1, low=2, high=8, deadband=0.5)
    seen = [one.crosses(value, number * 100) for number, value in enumerate(
        (50, 80, 81, 90, 79, 76, 75, 50, 19, 24, 25, 90, 10)
    )]  # fmt: skip
    assert seen == [
        False, False, True, False, False, False, True, False, True, False, True, True, True,
    ]  # fmt: skip


def test_noise_around_a_limit_does_not_flood():
    one = channel(decimals=1, high=8)
    told_s = [now_s for now_s in range(3600) if one.crosses(80 + now_s * 7919 % 5 - 2, now_s)]
    # Each minute one sample beyond it, and the next one that is back.
    assert 60 <= len(told_s) <= 120
    one = channel(decimals=1, high=8, deadband=0.5)
    told_s = [now_s for now_s in range(3600) if one.crosses(80 + now_s * 7919 % 5 - 2, now_s)]
    assert len(told_s) == 1


def test_what_is_still_beyond_when_the_minute_is_over_is_told_then():
    one = channel(high=8)
    values = {0: 5, 10: 9, 20: 5, 30: 9, 69: 9, 70: 9, 80: 5}
    assert [now_s for now_s in sorted(values) if one.crosses(values[now_s], now_s)] == [
        10, 20, 70, 80,
    ]  # fmt: skip


def test_what_was_told_at_once_is_what_a_deadband_is_measured_from():
    one = channel(high=80, deadband=5)
    assert told(one, 78) == [78]
    assert not one.crosses(78, 0) and one.crosses(81, 10)
    assert told(one, 83) is None
    assert told(one, 77) is None
    assert told(one, 76) == [76]


def test_the_first_sample_of_all_crosses_nothing():
    one = channel(high=8)
    assert not one.crosses(9, 0) and one.zone == 1
    assert one.crosses(5, 10)
