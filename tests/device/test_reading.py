from firmware.errors import CorruptError, SensorError
from firmware.reading import MAX_STRING, Datapoint, Reading, declared

POINTS = (
    Datapoint("temperature", "°C", decimals=2),
    Datapoint("open", data_type="boolean"),
    Datapoint("state", data_type="string"),
    Datapoint("count"),
)


def refused(key, value):
    try:
        Reading(POINTS).set(key, value)
    except SensorError:
        return True
    return False


def copy_of(reading):
    copy = Reading(POINTS)
    copy.unpack(memoryview(reading.pack()))
    return copy


def test_every_type_survives_the_record():
    for values in (
        (-2235, True, "grün", 0),
        (0, False, "", -1),
        (None, None, None, None),
        (0x3FFFFFFF, True, "x" * MAX_STRING, -0x3FFFFFFF),
    ):
        reading = Reading(POINTS)
        reading.values = list(values)
        reading.stamp, reading.time_known = 0xFFFFFFFF, True
        copy = copy_of(reading)
        assert tuple(copy.values) == values
        assert (copy.stamp, copy.time_known) == (0xFFFFFFFF, True)


def test_two_numbers_take_nine_bytes():
    reading = Reading(POINTS[:1] + POINTS[3:])
    reading.set("temperature", 22.35)
    reading.set("count", 653)
    assert len(reading.pack()) == 5 + 2 + 2


def test_a_number_is_kept_in_units_of_its_decimals():
    reading = Reading(POINTS)
    for value, kept in ((22.35, 2235), (-0.005, 0), (-40, -4000), (1e-9, 0)):
        reading.set("temperature", value)
        assert reading.values[0] == kept, value


def test_what_json_cannot_carry_is_refused_at_the_sensor():
    assert refused("temperature", float("nan"))
    assert refused("temperature", float("inf"))
    assert refused("temperature", float("-inf"))
    assert refused("temperature", 1e30)
    assert refused("count", 1 << 40)
    assert refused("state", "x" * (MAX_STRING + 1))


def test_a_record_cut_short_or_grown_is_noticed():
    reading = Reading(POINTS)
    reading.values = [123456, True, "hello", 70000]
    record = reading.pack()
    for bad in [record[:at] for at in range(len(record))] + [record + b"\0"]:
        try:
            Reading(POINTS).unpack(bad)
        except CorruptError:
            continue
        raise AssertionError(bad)


def test_a_reserved_or_a_doubled_key_cannot_be_declared():
    for key in ("boot", "seq", "timestamp", "time_unknown", ""):
        try:
            Datapoint(key)
        except ValueError:
            continue
        raise AssertionError(key)
    too_long = tuple(Datapoint("k%d" % number) for number in range(48))
    assert declared(too_long[1:]) == too_long[1:]
    for points in ((Datapoint("a"), Datapoint("a")), too_long):
        try:
            declared(points)
        except ValueError:
            continue
        raise AssertionError(points)
