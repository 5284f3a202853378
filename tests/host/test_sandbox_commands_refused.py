"""Commands that are refused, that the broker does not take, and that hold a secret."""

import pytest
from commands_rig import NOW, World
from sandbox_world import sandbox_in

from ways_device.sandbox.dynsec import ControlError

CANARY = "canary-of-the-hall"


@pytest.fixture
def world(tmp_path):
    with sandbox_in(tmp_path, clock=lambda: NOW) as sandbox:
        yield World(*sandbox)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "a b"},
        {"name": 5},
        {"name": "x" * 65},
        {"name": "x", "args": []},
        {"name": "x", "args": {"a": "y" * 40_000}},
        {"name": "x", "id": "a/b"},
        {"name": "x", "id": ""},
        {"name": "x", "expires_s": 0},
        {"name": "x", "expires_s": True},
        {"name": "x", "expires_s": "soon"},
        {"name": "x", "not_after": -1},
        {"name": "x", "not_after": 10**15},
        {"name": "x", "expires_s": 5, "not_after": 1800000060},
    ],
)
def test_a_body_that_is_wrong_is_refused_and_nothing_is_sent(world, body):
    assert world.send(**body).status_code == 422
    assert world.published == []
    assert world.api.get("/sandbox/devices/d/commands").json()["total"] == 0


def test_nobody_and_the_same_id_twice_are_refused(world):
    assert world.send("nobody", name="identify").status_code == 404
    for path in ("commands", "commands/x", "config"):
        assert world.api.get(f"/sandbox/devices/nobody/{path}").status_code == 404
    world.sent(name="identify", id="one")
    assert world.send(name="reboot", id="one").status_code == 409
    assert world.send("other", name="reboot", id="one").status_code == 202
    assert len(world.published) == 2


def test_what_the_broker_does_not_take_leaves_no_record(world):
    world.trouble = ControlError("no answer")
    answer = world.send(name="identify", id="one")
    assert answer.status_code == 503
    assert "under the id one" in answer.json()["detail"]
    world.trouble = None
    world.is_broker_up = False
    assert world.send(name="identify", id="one").status_code == 503
    world.is_broker_up = True
    assert world.api.get("/sandbox/devices/d/commands").json()["total"] == 0
    world.sent(name="identify", id="one")


def test_a_secret_is_sent_and_neither_shown_nor_kept(world, tmp_path):
    args = {
        "ssid": "hall",
        "password": CANARY,
        "more": [{"Passphrase": CANARY, "priority": 1}],
        "token": 12345678,
    }
    answer = world.send(name="add_wifi", args=args, id="one")
    assert world.published[0][1]["args"] == args
    world.answer("one", "done", result={"networks": 2})
    listed = world.api.get("/sandbox/devices/d/commands")
    refused = world.send(name="add wifi", args=args)
    again = world.send(name="add_wifi", args=args, id="one")
    assert (refused.status_code, again.status_code) == (422, 409)
    for text in (answer.text, listed.text, refused.text, again.text):
        assert CANARY not in text
    assert listed.json()["commands"][0]["args"] == {
        "ssid": "hall",
        "password": "***",
        "more": [{"Passphrase": "***", "priority": 1}],
        "token": "***",
    }
    for file in tmp_path.iterdir():
        assert CANARY.encode() not in file.read_bytes(), file


def test_commands_go_with_their_device(world):
    world.sent(name="identify", id="one")
    world.api.delete("/devices/d")
    world.api.post("/devices", json={"name": "d", "device_id": "d"})
    assert world.api.get("/sandbox/devices/d/commands").json()["total"] == 0
    world.sent(name="identify", id="one")
