from firmware.errors import ConfigError
from firmware.topics import topics_of


def refusal(*patterns):
    try:
        topics_of("d1", patterns)
    except ConfigError as exc:
        return str(exc)
    return None


def test_readings_go_where_the_profile_expects_them():
    assert topics_of("d1", ["devices/+/telemetry"]).parts == [(b"devices/d1/telemetry", None)]
    both = topics_of("d1", ["devices/+/sensors/humidity", "devices/+/telemetry"])
    assert both.parts == [
        (b"devices/d1/sensors/humidity", "humidity"),
        (b"devices/d1/telemetry", None),
    ]


def test_topics_that_carry_no_readings_may_be_listed_beside():
    assert len(topics_of("d1", ["devices/+/telemetry", "devices/+/status"]).parts) == 1


def test_a_profile_that_this_device_cannot_serve_is_refused():
    assert refusal("devices/+/status") == "topics: none of them takes readings"
    assert refusal("sensors/x") == "topics: sensors/x is not below devices/+/"
    assert "none a device sends to" in refusal("devices/+/sensors/a/b")
    assert "none a device sends to" in refusal("devices/+/other")
