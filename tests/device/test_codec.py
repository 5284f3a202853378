import json

from firmware import codec
from firmware.reading import Datapoint, Reading


def reading(**values):
    made = Reading(
        (
            Datapoint("temperature", decimals=2),
            Datapoint("open", data_type="boolean"),
            Datapoint("state", data_type="string"),
        )
    )
    for key, value in values.items():
        made.set(key, value)
    return made


def test_decimals_are_written_without_floats():
    assert [codec.fixed(value, 2) for value in (2235, -5, 0, 100, -12345)] == [
        "22.35", "-0.05", "0.00", "1.00", "-123.45",
    ]  # fmt: skip
    assert codec.fixed(-7, 0) == "-7"


def test_a_reading_is_one_flat_object_of_typed_values():
    text = codec.telemetry(reading(temperature=-0.05, open=False, state='"\n'), None, 1700000000)
    assert json.loads(text) == {
        "temperature": -0.05, "open": False, "state": '"\n', "timestamp": 1700000000,
    }  # fmt: skip


def test_what_was_not_measured_is_left_out():
    assert json.loads(codec.telemetry(reading(open=True), None, 5)) == {
        "open": True,
        "timestamp": 5,
    }
    assert codec.telemetry(reading(), None, 5) is None


def test_one_value_alone_for_a_topic_of_its_own():
    made = reading(temperature=20, open=True)
    assert json.loads(codec.telemetry(made, "open", 5)) == {"open": True, "timestamp": 5}
    assert codec.telemetry(made, "state", 5) is None


def test_an_unknown_time_is_left_out_and_said_so_only_with_the_sequence():
    assert json.loads(codec.telemetry(reading(open=True), None, None)) == {"open": True}
    assert json.loads(codec.telemetry(reading(open=True), None, None, 3, 17)) == {
        "open": True, "time_unknown": True, "boot": 3, "seq": 17,
    }  # fmt: skip


def test_an_event_has_its_metadata_inside():
    assert json.loads(codec.event("x_done", None, {"a": None})) == {
        "event_type": "x_done", "metadata": {"a": None},
    }  # fmt: skip
    assert json.loads(codec.event("x_done", 7, {}))["timestamp"] == 7
