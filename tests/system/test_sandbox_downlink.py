"""Commands and settings from the sandbox to devices at its real broker.

One sandbox serves the tests that do not stop it; each has devices of its own.
"""

import contextlib
import sqlite3
import time

import pytest
from downlink_rig import apply, command, config, devices, heard, say, send
from sandbox_rig import eventually, running

CANARY = "canary-of-the-cellar"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with running(tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox


@pytest.fixture
def device_id(request):
    return request.node.name.replace("[", "-").replace("]", "")[-64:]


@pytest.fixture
def login(sandbox, device_id):
    return sandbox.register(device_id)


@pytest.fixture
def connect(sandbox):
    with devices() as connect:
        yield lambda login, of=sandbox, **options: connect(of, login, **options)


def test_a_command_reaches_the_device_and_its_answers_move_the_state(
    sandbox, device_id, login, connect
):
    device = connect(login)
    eventually(lambda: sandbox.get(f"/devices/{device_id}")["is_online"])
    sent = send(sandbox, device_id, name="set_interval", args={"seconds": 5}, expires_s=60)
    assert (sent["state"], sent["was_online"]) == ("sent", True)
    eventually(lambda: device.messages)
    (document,) = heard(device, "commands")
    assert document == {
        "id": sent["id"],
        "name": "set_interval",
        "args": {"seconds": 5},
        "not_after": sent["not_after"],
    }
    assert 0 < document["not_after"] - time.time() <= 61

    def state():
        return command(sandbox, device_id, sent["id"])["state"]

    say(device, "command_result", {"id": sent["id"], "state": "accepted"})
    eventually(state, "accepted")
    for _ in range(2):
        say(device, "command_result", {"id": sent["id"], "state": "done", "result": {"s": 5}})
    eventually(state, "done")
    say(device, "command_result", {"id": "unheard-of", "state": "done"})
    path = f"/sandbox/devices/{device_id}/commands"
    strays = eventually(lambda: sandbox.get(path)["unknown_answers"])
    assert strays[0]["metadata"] == {"id": "unheard-of", "state": "done"}
    assert command(sandbox, device_id, sent["id"])["result"] == {"s": 5}
    assert [one["event_type"] for one in sandbox.get(f"/sandbox/devices/{device_id}/events")] == (
        ["command_result"] * 4
    )
    # What went down is no message of the device.
    assert sandbox.get(f"/devices/{device_id}")["messages_24h"] == 4


def test_a_command_waits_for_a_device_that_keeps_its_session(sandbox, device_id, login, connect):
    device = connect(login, clean=False)
    device.drop()
    eventually(lambda: sandbox.get(f"/devices/{device_id}")["is_online"], False)
    sent = [send(sandbox, device_id, name="identify", args={"n": n}) for n in range(3)]
    assert [one["was_online"] for one in sent] == [False] * 3
    again = connect(login, clean=False, topics=())
    eventually(lambda: len(again.messages), 3)
    assert [one["args"]["n"] for one in heard(again, "commands")] == [0, 1, 2]


def test_a_device_that_keeps_none_gets_what_is_sent_while_it_is_there(
    sandbox, device_id, login, connect
):
    first = send(sandbox, device_id, name="identify", expires_s=1)
    device = connect(login)
    second = send(sandbox, device_id, name="identify")
    eventually(lambda: device.messages)
    assert [one["id"] for one in heard(device, "commands")] == [second["id"]]
    eventually(lambda: command(sandbox, device_id, first["id"])["state"], "expired")


def test_a_password_goes_to_the_device_and_stays_nowhere(tmp_path, connect):
    with running(tmp_path) as sandbox:
        device = connect(sandbox.register("d"), sandbox)
        args = {"ssid": "cellar", "password": CANARY}
        sent = send(sandbox, "d", name="add_wifi", args=args)
        eventually(lambda: heard(device, "commands"))
        assert heard(device, "commands")[0]["args"] == args
        say(device, "command_result", {"id": sent["id"], "state": "done"})
        eventually(lambda: command(sandbox, "d", sent["id"])["state"], "done")
        listed = sandbox.http.get("/sandbox/devices/d/commands").text
        assert sent["args"] == {"ssid": "cellar", "password": "***"}
        sandbox.stop()
    assert CANARY not in listed + (tmp_path / "stderr.txt").read_text()
    with contextlib.closing(sqlite3.connect(tmp_path / "state" / "sandbox.db")) as db:
        # The device's answer: of the command not even a digest, which tells a weak password.
        assert db.execute("SELECT count(*) FROM received").fetchone() == (1,)
    kept = [
        file for file in (tmp_path / "state").iterdir() if CANARY.encode() in file.read_bytes()
    ]
    assert kept == []


def test_a_profile_is_told_to_a_running_device_and_to_one_that_comes_later(
    sandbox, device_id, login, connect
):
    device = connect(login)
    profile_id = apply(sandbox, device_id, reporting_interval_seconds=60)
    eventually(lambda: heard(device, "config"), [{"rev": 1, "interval_s": 60}])
    sandbox.call("PUT", f"/profiles/{profile_id}", {"description": "no news"})
    sandbox.post(f"/profiles/{profile_id}/apply/{device_id}")
    sandbox.call("PUT", f"/profiles/{profile_id}", {"reporting_interval_seconds": 5})
    sandbox.call("PUT", f"/sandbox/devices/{device_id}/config", {"log_level": "D"})
    last = {"rev": 3, "interval_s": 5, "log_level": "D"}
    eventually(lambda: heard(device, "config")[-1], last)
    revs = [one["rev"] for one in heard(device, "config")]
    assert revs == sorted(set(revs))
    later = connect(login)
    eventually(lambda: heard(later, "config"), [last])
    say(later, "config_result", {"rev": 3, "keys": {"interval_s": "ok", "log_level": "no"}})
    answer = eventually(lambda: config(sandbox, device_id)["answer"])
    assert (answer["rev"], answer["keys"]) == (3, {"interval_s": "ok", "log_level": "no"})


def test_a_device_that_was_away_gets_what_changed_meanwhile(sandbox, device_id, login, connect):
    device = connect(login, clean=False)
    device.drop()
    apply(sandbox, device_id, reporting_interval_seconds=7)
    again = connect(login, clean=False, topics=())
    eventually(lambda: heard(again, "config"), [{"rev": 1, "interval_s": 7}])


def test_a_deleted_device_leaves_nothing_to_the_next_of_its_name(
    sandbox, device_id, login, connect
):
    device = connect(login)
    apply(sandbox, device_id, reporting_interval_seconds=60)
    eventually(lambda: heard(device, "config"))
    sandbox.call("DELETE", f"/devices/{device_id}")
    reborn = connect(sandbox.register(device_id))
    send(sandbox, device_id, name="identify")
    eventually(lambda: reborn.messages)
    assert [topic for topic, _ in reborn.messages] == [f"devices/{device_id}/commands"]


def test_no_device_gets_what_is_for_another(sandbox, device_id, login, connect):
    other_id = f"o{device_id}"[:64]
    other = connect(sandbox.register(other_id))
    spy = connect(login, topics=())
    names = ("commands", "config")
    spy.subscribe(*(f"devices/{whose}/{name}" for whose in ("+", other_id) for name in names))
    spy.publish(f"devices/{other_id}/config", {"rev": 99}, retain=True)
    spy.publish(f"devices/{other_id}/commands", {"id": "evil"})
    apply(sandbox, other_id, reporting_interval_seconds=60)
    send(sandbox, other_id, name="identify")
    eventually(lambda: len(other.messages), 2)
    assert heard(other, "config") == [{"rev": 1, "interval_s": 60}]
    assert heard(other, "commands")[0]["name"] == "identify"
    # This one comes last: when it has arrived, everything before it would have.
    spy.subscribe(f"devices/{device_id}/commands")
    send(sandbox, device_id, name="identify", id="last")
    eventually(lambda: spy.messages)
    assert [one["id"] for one in heard(spy, "commands")] == ["last"]
    assert heard(spy, "config") == []
