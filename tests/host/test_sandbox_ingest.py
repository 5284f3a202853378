"""What a device publishes, and what the sandbox then knows of it."""

import json
import random

import pytest

from ways_device.sandbox.datapoints import Datapoints
from ways_device.sandbox.db import Db
from ways_device.sandbox.devices import Devices, Filter
from ways_device.sandbox.events import Events
from ways_device.sandbox.health import Health
from ways_device.sandbox.ingest import Ingest
from ways_device.sandbox.keys import hashed
from ways_device.sandbox.ledger import Ledger
from ways_device.sandbox.presence import Presence
from ways_device.sandbox.telemetry import Telemetry

NOW = 1_800_000_000.0
DAY_S = 86400


class Rig:
    def __init__(self, db):
        self.now = NOW
        clock = lambda: self.now  # noqa: E731 - one line says it
        self.presence = Presence(db, clock)
        self.devices = Devices(db, self.presence, clock)
        self.datapoints = Datapoints(db, clock)
        self.telemetry = Telemetry(db, clock)
        self.events = Events(db)
        self.ledger = Ledger(db, self.events)
        self.health = Health(db, self.devices, self.presence, clock)
        self.ingest = Ingest(db, self.datapoints, self.telemetry, self.events, self.ledger)
        self.devices.create({"name": "a", "device_id": "d"}, hashed("x"))
        for key, data_type in (("t", "number"), ("door", "boolean"), ("mode", "string")):
            self.datapoints.create({"key": key, "data_type": data_type})

    def publish(self, category, payload, device="d"):
        raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self.ingest.take(f"devices/{device}/{category}", raw, self.now)

    def values(self):
        items = self.telemetry.between("d", 0, NOW + DAY_S, None, 1000)
        return [(item["name"], item["value"]) for item in items]

    def count(self, name):
        return self.devices.details("d")[name]


@pytest.fixture
def rig():
    db = Db(":memory:")
    yield Rig(db)
    db.close()


def test_values_of_the_declared_type_are_kept(rig):
    rig.publish("telemetry", {"t": 21.5, "door": True, "mode": "eco"})
    assert rig.values() == [("door", True), ("mode", "eco"), ("t", 21.5)]


@pytest.mark.parametrize(
    "reading", [{"t": "21.5"}, {"t": True}, {"t": None}, {"t": [1]}, {"door": 1}, {"mode": 7}]
)
def test_a_value_of_another_type_is_counted_and_not_kept(rig, reading):
    rig.publish("telemetry", reading)
    assert (rig.values(), rig.count("mistyped_values")) == ([], 1)


def test_unknown_keys_are_counted_and_reserved_ones_are_not(rig):
    extras = {"boot": 1, "seq": 0, "timestamp": NOW, "time_unknown": True}
    rig.publish("telemetry", {"t": 1, "humidity": 40, **extras})
    assert (rig.values(), rig.count("unknown_keys")) == ([("t", 1)], 1)


def odd(rig):
    return [
        (one["key"], one["problem"], one["times"], one["last_type"])
        for one in rig.devices.details("d")["odd_keys"]
    ]


def test_keys_that_were_not_kept_are_shown_with_what_came(rig):
    for value in (1, "two", None):
        rig.publish("telemetry", {"humidity": value, "t": "hot"})
        rig.now += 1
    rig.publish("sensors/t", {"door": [True]})
    rig.publish("telemetry", {"nested": {"a": 1}, "door": "open", "t": 1})
    assert odd(rig) == [
        ("t", "mistyped", 3, "string"),
        ("humidity", "unknown", 3, "null"),
        ("door", "mistyped", 1, "string"),
        ("door", "unknown", 1, "array"),
        ("nested", "unknown", 1, "object"),
    ]
    first = rig.devices.details("d")["odd_keys"][0]
    assert first["last_at"] == "2027-01-15T08:00:02Z"
    assert (rig.count("unknown_keys"), rig.count("mistyped_values")) == (5, 4)


def test_keys_without_end_are_counted_and_the_first_fifty_are_shown(rig):
    rig.publish("telemetry", {f"k{number:03}": 1 for number in range(500)})
    rig.publish("telemetry", {"k000": 1, "later": 1, "t": "bad", "x" * 1000: 1})
    shown = odd(rig)
    assert len(shown) == 51
    assert shown[0] == ("k000", "unknown", 2, "number")
    assert ("t", "mistyped", 1, "string") in shown
    assert rig.count("unknown_keys") == 503


def test_a_long_key_is_shown_by_its_beginning(rig):
    rig.publish("telemetry", {"ü" * 1000: 1})
    assert odd(rig) == [("ü" * 64, "unknown", 1, "number")]


def test_a_key_is_known_from_its_definition_on(rig):
    rig.publish("telemetry", {"humidity": 40})
    rig.datapoints.create({"key": "humidity", "data_type": "number"})
    rig.publish("telemetry", {"humidity": 41})
    assert rig.values() == [("humidity", 41)]
    assert odd(rig) == [("humidity", "unknown", 1, "number")]


def test_rules_are_told_of_values_that_were_kept_and_of_no_others(rig):
    told = []
    rig.ingest._on_value = lambda *found: told.append(found[2])
    rig.publish("telemetry", {"t": 1, "timestamp": NOW})
    rig.publish("telemetry", {"t": 1, "timestamp": NOW})
    rig.publish("telemetry", {"t": "2", "other": 3})
    rig.publish("sensors/t", 4)
    assert told == [1, 4]


@pytest.mark.parametrize(
    ("payload", "value"),
    [({"t": 5, "timestamp": NOW - 60}, 5), (5, 5), ({"t": 6, "x": 1}, 6)],
)
def test_a_sensor_topic_takes_an_object_or_a_bare_value(rig, payload, value):
    rig.publish("sensors/t", payload)
    assert rig.values() == [("t", value)]


def test_a_sensor_topic_takes_its_own_key_only(rig):
    rig.publish("sensors/t", {"door": True})
    assert (rig.values(), rig.count("unknown_keys")) == ([], 1)


@pytest.mark.parametrize(
    ("stamp", "measured_at"),
    [
        (NOW - 3600, NOW - 3600),
        (NOW + DAY_S - 1, NOW + DAY_S - 1),
        (NOW + DAY_S + 1, NOW),
        (NOW - 11 * 365 * DAY_S, NOW),
        (820_454_400, NOW),
        ("soon", NOW),
        (True, NOW),
        (10**400, NOW),
        (None, NOW),
    ],
)
def test_a_timestamp_that_can_be_right_is_taken(rig, stamp, measured_at):
    rig.publish("telemetry", {"t": 1, "timestamp": stamp})
    found = rig.telemetry.between("d", measured_at, measured_at, None, 10)
    assert [item["value"] for item in found] == [1]


def test_a_reading_that_comes_twice_is_one_value(rig):
    rig.publish("telemetry", {"t": 1, "timestamp": NOW})
    rig.publish("telemetry", {"t": 1, "timestamp": NOW})
    for _ in range(2):
        rig.publish("telemetry", {"t": 2, "boot": 1, "seq": 1})
        rig.now += 1
    assert sorted(rig.values()) == [("t", 1), ("t", 2)]


def test_the_latest_value_is_the_one_measured_last_not_the_one_that_came_last(rig):
    rig.publish("telemetry", {"t": 1, "timestamp": NOW - 10})
    rig.publish("telemetry", {"t": 2, "timestamp": NOW - 500, "mode": "late"})
    latest = {item["name"]: item["value"] for item in rig.telemetry.latest("d")}
    assert latest == {"t": 1, "mode": "late"}


def test_status_and_attributes_show_in_the_device(rig):
    rig.publish("status", {"status": "online", "battery_level": 87, "signal_strength": -65})
    rig.publish("attributes", {"firmware_version": "1.2.3"})
    device = rig.devices.get("d")
    shown = [device[key] for key in ("battery_level", "signal_strength", "firmware_version")]
    assert shown == [87, -65, "1.2.3"]
    assert rig.devices.details("d")["attributes"] == {"firmware_version": "1.2.3"}


def test_a_last_will_keeps_the_last_known_battery(rig):
    rig.publish("status", {"battery_level": 87.5})
    rig.publish("status", {"status": "offline"})
    assert rig.devices.get("d")["battery_level"] == 87.5
    assert rig.devices.details("d")["status"] == {"status": "offline"}


@pytest.mark.parametrize("level", [-1, 101, "87", True, None, 1e300])
def test_a_battery_level_that_cannot_be_is_ignored(rig, level):
    rig.publish("status", {"battery_level": level})
    assert rig.devices.get("d")["battery_level"] is None


def test_every_publish_counts_and_old_ones_stop_counting(rig):
    for category in ("telemetry", "status", "attributes", "events", "whatever/else", "sensors/t"):
        rig.publish(category, b"?")
    assert rig.devices.get("d")["messages_24h"] == 6
    rig.now += DAY_S + 60
    rig.publish("status", b"?")
    assert rig.devices.get("d")["messages_24h"] == 1
    assert rig.devices.get("d")["last_seen"] == "2027-01-16T08:01:00Z"


def test_what_goes_down_to_a_device_is_not_its_message(rig):
    rig.publish("commands", {"id": "1"})
    rig.publish("config", {"rev": 1})
    assert rig.devices.get("d")["messages_24h"] == 0


def test_events_are_kept_as_they_came(rig):
    rig.publish("events", {"event_type": "door", "timestamp": NOW, "metadata": {"n": 1}})
    rig.publish("events", {"event_type": "door"})
    kinds = [(event["event_type"], event["metadata"]) for event in rig.events.of("d")]
    assert kinds == [("door", {"n": 1}), ("door", {})]


BAD = [
    b"",
    b"{",
    b"[1]",
    b"null",
    b"\xff\xfe",
    b'{"t": NaN}',
    b'{"t": 1e999}',
    b'{"mode": "\\ud800"}',
    b'{"t": ' + b"9" * 5000 + b"}",
    b"[" * 50_000,
    b'{"t": ' + b"[" * 100 + b"]" * 100 + b"}",
]


@pytest.mark.parametrize("category", ["telemetry", "status", "attributes", "events"])
@pytest.mark.parametrize("payload", BAD)
def test_a_malformed_payload_is_counted_and_nothing_else(rig, category, payload):
    rig.publish(category, payload)
    assert (rig.count("malformed"), rig.values()) == (1, [])


@pytest.mark.parametrize(
    "event", [{}, {"event_type": 7}, {"event_type": "x" * 65}, {"event_type": "x", "metadata": 1}]
)
def test_an_event_without_its_shape_is_malformed(rig, event):
    rig.publish("events", event)
    assert (rig.count("malformed"), rig.events.of("d")) == (1, [])


def test_random_bytes_never_raise(rig):
    rng = random.Random(7)
    alphabet = b'{}[]",:0123456789.eE+-tsdormbqn\\u \xc3\xa9'
    for _ in range(3000):
        category = rng.choice(("telemetry", "status", "attributes", "events", "sensors/t", "x"))
        rig.publish(category, bytes(rng.choices(alphabet, k=rng.randrange(40))))
    assert rig.devices.get("d")["messages_24h"] == 3000


@pytest.mark.parametrize("topic", ["devices/x/status", "devices/d", "else/d/status", "devices//a"])
def test_what_belongs_to_no_device_is_ignored(rig, topic):
    rig.ingest.take(topic, b"{}", NOW)
    assert rig.devices.get("d")["messages_24h"] == 0


LOG_UP = "New client connected from 127.0.0.1:4711 as d (p2, c0, k60, u'd')."


def online(rig):
    device = rig.devices.get("d")
    listed = rig.devices.page(Filter(is_online=True), 1, 10)["total"] == 1
    assert listed == device["is_online"]
    return device["is_online"], device["connection_status"]


def test_a_device_is_online_as_long_as_the_broker_has_its_session(rig):
    assert online(rig) == (False, None)
    rig.presence.read_log(LOG_UP)
    assert online(rig) == (True, "connected")
    rig.presence.read_log("Client d disconnected.")
    assert online(rig) == (False, "disconnected")


@pytest.mark.parametrize(
    "line",
    [
        "Client d closed its connection.",
        "Client d has exceeded timeout, disconnecting.",
        "Client d been disconnected by administrative action.",
        "Client d disconnected due to malformed packet.",
    ],
)
def test_any_end_of_a_session_is_seen(rig, line):
    rig.presence.read_log(LOG_UP)
    rig.presence.read_log(line)
    assert online(rig) == (False, "disconnected")


@pytest.mark.parametrize(
    "line",
    [
        "Client d disconnected, not authorised.",
        "Client dd closed its connection.",
        "New connection from 127.0.0.1:4711 on port 8883.",
        "Client x as d (p2, c0, k60, u'd').",
        "",
    ],
)
def test_a_refused_login_under_its_name_leaves_a_device_online(rig, line):
    rig.presence.read_log(LOG_UP)
    rig.presence.read_log(line)
    assert online(rig) == (True, "connected")


def test_a_takeover_leaves_one_session(rig):
    rig.presence.read_log(LOG_UP)
    rig.presence.read_log("Client d already connected, closing old connection.")
    rig.presence.read_log(LOG_UP)
    assert online(rig) == (True, "connected")
    rig.presence.read_log("Client d disconnected.")
    assert online(rig) == (False, "disconnected")


def test_a_session_whose_end_was_not_seen_ends_with_the_next(rig):
    rig.presence.read_log(LOG_UP)
    rig.presence.read_log(LOG_UP)
    assert rig.devices.get("d")["stability_score"] == 95


def test_broken_sessions_cost_stability_for_a_day(rig):
    for end in ("disconnected.", "closed its connection.", "has exceeded timeout, disconnecting."):
        rig.presence.read_log(LOG_UP)
        rig.presence.read_log(f"Client d {end}")
    assert rig.devices.get("d")["stability_score"] == 90
    rig.now += DAY_S + 1
    assert rig.devices.get("d")["stability_score"] == 100


def test_the_broker_going_away_costs_nothing(rig):
    rig.presence.read_log(LOG_UP)
    rig.presence.all_closed()
    assert online(rig) == (False, "disconnected")
    assert rig.devices.get("d")["stability_score"] == 100


def test_health_is_unknown_before_the_first_session(rig):
    health = rig.health.get("d")
    assert (health["health_score"], health["health_status"]) == (None, "unknown")


def test_health_falls_with_old_telemetry_and_a_lost_link(rig):
    rig.presence.read_log(LOG_UP)
    rig.publish("telemetry", {"t": 1})
    assert rig.health.get("d") == {
        "device_id": "d",
        "health_score": 100,
        "health_status": "healthy",
        "components": {
            "uptime": 100,
            "alarm_burden": 100,
            "connection_stability": 100,
            "telemetry_freshness": 100,
        },
        "checked_at": "2027-01-15T08:00:00Z",
    }
    rig.now += 360  # six intervals of the default minute: half way from fresh to stale
    assert rig.health.get("d")["components"]["telemetry_freshness"] == 50
    rig.presence.read_log("Client d closed its connection.")
    rig.now += 1080
    health = rig.health.get("d")
    assert health["components"]["uptime"] == 25
    assert health["components"]["telemetry_freshness"] == 0
    assert health["health_status"] == "degraded"
