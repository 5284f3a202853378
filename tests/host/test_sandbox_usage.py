"""The account in numbers: plan, usage and statistics, and what deleting does to them."""

import json
import sqlite3
from contextlib import closing
from datetime import datetime, timezone

import pytest
from sandbox_world import sandbox_in

from ways_device.sandbox import schema
from ways_device.sandbox.db import Db
from ways_device.sandbox.traffic import Traffic

DAY_S = 86400
# A Sunday at noon, the last day of a month, UTC.
NOON = datetime(2027, 1, 31, 12, tzinfo=timezone.utc).timestamp()


class World:
    def __init__(self):
        self.now = NOON
        self.the = None
        self.parts = None

    def register(self, device_id):
        body = {"name": device_id, "device_id": device_id}
        return self.the.post("/devices", json=body)

    def publish(self, device_id="a", category="telemetry", **document):
        payload = json.dumps(document).encode()
        self.parts.subscriber._ingest.take(f"devices/{device_id}/{category}", payload, self.now)
        return len(payload)

    def get(self, path):
        return self.the.get(path).json()


@pytest.fixture
def world(tmp_path):
    world = World()
    with sandbox_in(tmp_path, clock=lambda: world.now, device_limit=3) as (the, parts):
        world.the, world.parts = the, parts
        for key in ("t", "h"):
            the.post("/datapoints", json={"key": key})
        for device_id in ("a", "b"):
            world.register(device_id)
        yield world


def test_the_subscription_tells_the_plan(world):
    found = world.get("/subscription")
    created_at = found.pop("created_at")
    assert datetime.fromisoformat(created_at.replace("Z", "+00:00"))
    assert found == {
        "plan": "iot-3",
        "status": "active",
        "device_limit": 3,
        "device_count": 2,
    }


def test_a_device_over_the_plan_is_refused_and_leaves_nothing(world):
    assert world.register("c").status_code == 201
    answer = world.register("d")
    assert answer.status_code == 429
    assert "limit of 3 devices is reached" in answer.json()["detail"]
    assert "--plan-devices" in answer.json()["detail"]
    assert world.get("/devices")["total"] == 3
    assert world.the.get("/devices/d").status_code == 404
    assert [login.device_id for login in world.parts.platform.devices.logins()] == ["a", "b", "c"]


def test_an_id_that_is_taken_is_a_conflict_in_a_full_plan_too(world):
    world.register("c")
    assert world.register("a").status_code == 409


def test_a_deleted_device_makes_room(world):
    world.register("c")
    world.the.delete("/devices/a")
    assert world.register("d").status_code == 201
    assert world.get("/subscription")["device_count"] == 3


def test_devices_stay_when_the_plan_is_lowered(tmp_path):
    with sandbox_in(tmp_path) as (the, _):
        for device_id in ("a", "b"):
            the.post("/devices", json={"name": "A", "device_id": device_id})
        created_at = the.get("/subscription").json()["created_at"]
    with sandbox_in(tmp_path, device_limit=1) as (the, _):
        found = the.get("/subscription").json()
        assert (found["device_limit"], found["device_count"]) == (1, 2)
        assert found["created_at"] == created_at
        assert the.get("/devices").json()["total"] == 2
        assert the.post("/devices", json={"name": "A"}).status_code == 429


def usage(world):
    found = world.get("/usage")
    return [
        (found[f"messages_{span}"], found[f"data_points_{span}"], found[f"data_bytes_{span}"])
        for span in ("today", "this_month")
    ]


def test_usage_has_the_references_keys_first(world):
    assert list(world.get("/usage"))[:4] == [
        "messages_today",
        "messages_this_month",
        "data_points_today",
        "data_points_this_month",
    ]


def test_every_message_counts_and_every_value_that_is_kept(world):
    size = world.publish(t=1, h=2)
    size += world.publish(t="no number", other=1)
    size += world.publish(category="status", status="online")
    size += world.publish(category="sensors/t", t=5)
    assert usage(world) == [(4, 3, size)] * 2


def test_a_value_that_comes_twice_is_one_data_point(world):
    for _ in range(2):
        world.publish(t=1, boot=1, seq=1)
        world.publish(h=2, timestamp=int(NOON) - 60)
    assert usage(world)[0][:2] == (4, 2)


def test_days_and_months_end_at_midnight_utc(world):
    size = world.publish(t=1)
    world.now = NOON + DAY_S / 2 - 1
    size += world.publish(t=2)
    assert usage(world) == [(2, 2, size)] * 2
    world.now += 1
    assert usage(world) == [(0, 0, 0)] * 2
    size = world.publish(t=3)
    world.now += DAY_S
    assert usage(world) == [(0, 0, 0), (1, 1, size)]


def test_the_last_24_hours_slide(world):
    size = world.publish(t=1, h=1)
    world.now += DAY_S - 60
    stats = world.get("/stats")
    assert (stats["messages_24h"], stats["data_points_24h"], stats["data_bytes_24h"]) == (
        1,
        2,
        size,
    )
    world.now += 60
    stats = world.get("/stats")
    assert (stats["messages_24h"], stats["data_points_24h"]) == (0, 0)


def test_deleting_a_device_takes_no_usage_back(world):
    world.publish(t=1)
    world.publish("b", t=1)
    before = usage(world), world.get("/stats")
    world.the.delete("/devices/a")
    assert usage(world) == before[0]
    after = world.get("/stats")
    assert {**after, "total_devices": 2, "active_devices": 2} == before[1]
    world.register("a")
    assert world.get("/devices/a")["messages_24h"] == 0


def test_the_statistics_count_devices_by_state(world):
    world.register("c")
    world.the.patch("/devices/c", json={"is_active": False})
    world.parts.presence.opened("a")
    world.parts.presence.opened("a")
    found = world.get("/stats")
    assert list(found)[:6] == [
        "total_devices",
        "active_devices",
        "connected_now",
        "messages_24h",
        "data_points_24h",
        "active_alarms",
    ]
    assert list(found.values())[:3] == [3, 2, 1]
    world.parts.presence.all_closed()
    assert world.get("/stats")["connected_now"] == 0


def test_an_empty_account_is_all_zeros(tmp_path):
    with sandbox_in(tmp_path) as (the, _):
        assert set(the.get("/stats").json().values()) == {0}
        assert set(the.get("/usage").json().values()) == {0}
        assert the.get("/subscription").json()["device_count"] == 0


def test_device_activity_counts_who_was_heard(world):
    world.publish(t=1)
    world.now += 3600
    world.parts.presence.opened("b")
    found = world.get("/usage")
    assert (found["active_devices_today"], found["active_devices_this_month"]) == (2, 2)
    world.now += DAY_S
    assert world.get("/usage")["active_devices_today"] == 0


@pytest.fixture
def db():
    db = Db(":memory:")
    db.run(
        "INSERT INTO devices (device_id, name, metadata, password_salt, password_hash,"
        " created_at, updated_at) VALUES ('a', 'A', '{}', '', '', 0, 0)"
    )
    yield db
    db.close()


def test_old_minutes_are_forgotten_and_those_in_a_window_are_not(db):
    traffic = Traffic(db, lambda: NOON + 70 * DAY_S)
    for day in range(71):
        traffic.count("a", NOON + day * DAY_S, 1, 1)
    assert db.scalar("SELECT count(*) FROM traffic") == 9
    assert db.scalar("SELECT count(*) FROM usage") == 63
    assert traffic.messages_24h("a") == 1
    assert traffic.since(NOON + 40 * DAY_S).messages == 31


def test_a_database_of_the_first_layout_keeps_its_traffic_and_its_age(tmp_path):
    path = tmp_path / "sandbox.db"
    with closing(sqlite3.connect(path)) as old:
        old.executescript(
            schema.STEPS[0]
            + "INSERT INTO devices (device_id, name, metadata, password_salt, password_hash,"
            " created_at, updated_at) VALUES ('a', 'A', '{}', '', '', 1700000000, 0),"
            " ('b', 'B', '{}', '', '', 1600000000, 0);"
            "INSERT INTO traffic VALUES ('a', 7, 2), ('b', 7, 3), ('b', 8, 1);"
            "PRAGMA user_version = 1"
        )
    with closing(Db(path)) as db:
        assert [tuple(row) for row in db.all("SELECT * FROM usage")] == [
            (7, 5, 0, 0),
            (8, 1, 0, 0),
        ]
        assert db.scalar("SELECT sum(messages + data_points) FROM traffic") == 6
        assert db.scalar("SELECT created_at FROM subscription") == 1600000000
