"""The settings that devices are told: what makes their rev rise, and what answers them."""

import json
import sqlite3
from contextlib import closing

import aiomqtt
import pytest
from sandbox_world import sandbox_in

from ways_device.sandbox import schema
from ways_device.sandbox.db import Db

NOW = 1_800_000_000.0
PROFILE = {
    "name": "P",
    "reporting_interval_seconds": 60,
    "expected_topics": ["devices/+/telemetry", "devices/+/status"],
}
TELEMETRY = ["devices/+/telemetry"]


class World:
    def __init__(self, api, parts):
        self.api, self.parts = api, parts
        for device_id in ("d", "other"):
            self.register(device_id)
        self.profile_id = api.post("/profiles", json=PROFILE).json()["id"]

    def register(self, device_id):
        self.api.post("/devices", json={"name": device_id, "device_id": device_id})

    def apply(self, device_id="d"):
        path = f"/profiles/{self.profile_id}/apply/{device_id}"
        assert self.api.post(path).status_code == 200

    def profile(self, **fields):
        assert self.api.put(f"/profiles/{self.profile_id}", json=fields).status_code == 200

    def put(self, **fields):
        return self.api.put("/sandbox/devices/d/config", json=fields)

    def get(self, device_id="d"):
        return self.api.get(f"/sandbox/devices/{device_id}/config").json()

    def document(self, device_id="d"):
        return self.get(device_id)["document"]

    def answer(self, rev, keys, device_id="d"):
        event = {"event_type": "config_result", "metadata": {"rev": rev, "keys": keys}}
        ingest = self.parts.subscriber._ingest
        ingest.take(f"devices/{device_id}/events", json.dumps(event).encode(), NOW)


@pytest.fixture
def world(tmp_path):
    with sandbox_in(tmp_path, clock=lambda: NOW) as sandbox:
        yield World(*sandbox)


def test_a_device_without_a_profile_is_told_nothing(world):
    assert world.get() == {
        "device_id": "d",
        "rev": 0,
        "document": None,
        "own": {},
        "changed_at": None,
        "answer": None,
    }
    assert world.parts.platform.configs.payload("d") == b""


def test_a_profile_becomes_settings_in_the_terms_of_the_device(world):
    world.apply()
    assert world.document() == {"rev": 1, "interval_s": 60, "topics": TELEMETRY}
    payload = world.parts.platform.configs.payload("d")
    assert payload == b'{"interval_s":60,"rev":1,"topics":["devices/+/telemetry"]}'
    assert world.document("other") is None


def test_a_profile_that_leaves_something_open_says_nothing_of_it(world):
    world.profile(expected_topics=[], reporting_interval_seconds=None)
    world.apply()
    assert world.document() is None
    world.profile(reporting_interval_seconds=30)
    assert world.document() == {"rev": 1, "interval_s": 30}


def test_rev_rises_for_a_change_and_for_nothing_else(world):
    world.apply()
    world.apply()
    world.profile(name="Q", description="x", metadata={"a": 1})
    world.profile(reporting_interval_seconds=60)
    assert world.get()["rev"] == 1
    world.profile(reporting_interval_seconds=120)
    assert world.document() == {"rev": 2, "interval_s": 120, "topics": TELEMETRY}
    world.profile(expected_topics=["devices/+/sensors/t"])
    assert world.document() == {"rev": 3, "interval_s": 120, "topics": ["devices/+/sensors/t"]}
    assert world.get("other")["rev"] == 0


def test_another_profile_and_the_end_of_one_are_told(world):
    world.apply()
    body = {"name": "Slow", "reporting_interval_seconds": 900}
    other_id = world.api.post("/profiles", json=body).json()["id"]
    world.api.post(f"/profiles/{other_id}/apply/d")
    assert world.document() == {"rev": 2, "interval_s": 900}
    world.api.delete(f"/profiles/{other_id}")
    assert world.document() == {"rev": 3}


def test_own_settings_go_over_the_profile_and_null_drops_one(world):
    world.apply()
    assert world.put(interval_s=5, log_level="D").json()["document"] == {
        "rev": 2,
        "interval_s": 5,
        "log_level": "D",
        "topics": TELEMETRY,
    }
    assert world.put(interval_s=5).json()["rev"] == 2
    world.profile(reporting_interval_seconds=300)
    assert world.get()["rev"] == 2
    shown = world.put(interval_s=None).json()
    assert shown["document"]["interval_s"] == 300
    assert (shown["rev"], shown["own"]) == (3, {"log_level": "D"})


@pytest.mark.parametrize(
    "body",
    [
        {"rev": 5},
        {"Interval": 1},
        {"a-b": 1},
        {"": 1},
        {"x" * 65: 1},
        [],
        "text",
        {"x": "y" * 9000},
    ],
)
def test_settings_that_are_none_are_refused(world, body):
    assert world.api.put("/sandbox/devices/d/config", json=body).status_code == 422
    assert world.get()["rev"] == 0
    assert world.api.put("/sandbox/devices/nobody/config", json={"x": 1}).status_code == 404


def test_the_answer_of_the_device_is_shown_by_key(world):
    world.apply()
    world.put(log_level="loud")
    keys = {"interval_s": "ok", "log_level": "one of E, W, I, D"}
    world.answer(2, keys)
    shown = {"rev": 2, "keys": keys, "received_at": "2027-01-15T08:00:00Z"}
    assert world.get()["answer"] == shown
    types = [row["event_type"] for row in world.api.get("/sandbox/devices/d/events").json()]
    assert types == ["config_result"]
    # One that is older, of no revision, or no answer at all changes nothing.
    for rev, said in (
        (1, {}),
        (3, {}),
        (0, {}),
        (-1, {}),
        (True, {}),
        ("2", {}),
        (2, []),
        (2**70, {}),
    ):
        world.answer(rev, said)
        assert world.get()["answer"] == shown
    world.answer(2, {"log_level": "taken back"})
    assert world.get()["answer"]["keys"] == {"interval_s": "ok", "log_level": "taken back"}
    world.answer(1, {"x": "ok"}, "other")
    assert world.get("other")["answer"] is None


def test_rev_goes_on_where_an_id_is_registered_again(world):
    world.apply()
    world.put(log_level="D")
    world.answer(2, {"log_level": "ok"})
    world.api.delete("/devices/d")
    world.register("d")
    assert (world.document(), world.get()["answer"], world.get()["own"]) == (None, None, {})
    assert world.parts.platform.configs.told() == []
    world.apply()
    assert world.document() == {"rev": 3, "interval_s": 60, "topics": TELEMETRY}


class Going:
    """A session with a broker that ends at this moment."""

    async def publish(self, *_, **__):
        raise aiomqtt.MqttError("gone")


def test_a_device_is_deleted_while_the_broker_goes_away(world):
    world.parts.control._client = Going()
    assert world.api.delete("/devices/d").status_code == 204
    assert world.api.get("/devices/d").status_code == 404


def test_all_of_it_is_kept(tmp_path):
    with sandbox_in(tmp_path) as sandbox:
        world = World(*sandbox)
        world.apply()
        world.put(log_level="D")
        world.answer(2, {"log_level": "ok"})
        before = world.get()
    with sandbox_in(tmp_path) as (api, _):
        assert api.get("/sandbox/devices/d/config").json() == before


def test_a_state_folder_of_before_is_brought_up_to_date(tmp_path):
    path = tmp_path / "sandbox.db"
    with closing(sqlite3.connect(path)) as old:
        old.executescript(
            "".join(schema.STEPS[:2])
            + "INSERT INTO profiles VALUES ('p', 'P', NULL, '[]', 45, '{}', 0, 0);"
            "INSERT INTO devices (device_id, name, metadata, password_salt, password_hash,"
            " created_at, updated_at, profile_id) VALUES ('a', 'A', '{}', '', '', 0, 0, 'p');"
            "PRAGMA user_version = 2"
        )
    with closing(Db(path)) as db:
        assert db.scalar("PRAGMA user_version") == 3
    with sandbox_in(tmp_path) as (api, parts):
        parts.platform.configs.refresh_all()
        document = api.get("/sandbox/devices/a/config").json()["document"]
        assert document == {"rev": 1, "interval_s": 45}
        assert api.get("/sandbox/devices/a/commands").json()["total"] == 0
