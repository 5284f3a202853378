"""Commands to devices: what is kept and shown of them, and how answers move their state."""

import random

import pytest
from commands_rig import NOW, World
from sandbox_world import sandbox_in


@pytest.fixture
def world(tmp_path):
    def clock():
        return made.now if made else NOW

    made = None
    with sandbox_in(tmp_path, clock=clock) as (api, parts):
        made = World(api, parts)
        yield made


def test_a_command_is_published_and_recorded_as_sent(world):
    answer = world.send(name="set_interval", args={"seconds": 30}, id="c-1", not_after=1800000060)
    assert answer.status_code == 202
    sent = {"id": "c-1", "name": "set_interval", "args": {"seconds": 30}, "not_after": 1800000060}
    assert world.published == [("devices/d/commands", sent)]
    assert answer.json() == {
        **sent,
        "device_id": "d",
        "was_online": False,
        "state": "sent",
        "result": None,
        "reason": None,
        "sent_at": "2027-01-15T08:00:00.250Z",
        "accepted_at": None,
        "finished_at": None,
    }
    assert world.shown("c-1") == answer.json()


def test_an_id_is_made_and_expires_s_becomes_a_time_that_is_not_too_early(world):
    first, second = world.sent(name="reboot", expires_s=10), world.sent(name="reboot")
    assert first != second
    documents = [document for _, document in world.published]
    assert documents[0] == {"id": first, "name": "reboot", "args": {}, "not_after": 1800000011}
    assert documents[1] == {"id": second, "name": "reboot", "args": {}}


def test_whether_the_device_was_online_is_said(world):
    world.parts.presence.opened("d")
    assert world.send(name="identify").json()["was_online"] is True
    assert world.send("other", name="identify").json()["was_online"] is False


def test_answers_move_the_state(world):
    one = world.sent(name="read_now")
    world.now += 1
    world.answer(one, "accepted")
    assert world.shown(one)["state"] == "accepted"
    world.now += 1
    world.answer(one, "done", result={"count": 3})
    shown = world.shown(one)
    assert (shown["state"], shown["result"], shown["reason"]) == ("done", {"count": 3}, None)
    assert shown["accepted_at"] == "2027-01-15T08:00:01.250Z"
    assert shown["finished_at"] == "2027-01-15T08:00:02.250Z"
    for state in ("refused", "interrupted"):
        other = world.sent(name="reboot")
        world.answer(other, state, reason="busy")
        shown = world.shown(other)
        assert (shown["state"], shown["reason"], shown["accepted_at"]) == (state, "busy", None)


def test_states_only_go_forward_whatever_comes_again_and_in_which_order(world):
    final = ("done", "refused", "interrupted")
    ranks = {"sent": 0, "accepted": 1, **dict.fromkeys(final, 2)}
    chance = random.Random(5)
    for _ in range(60):
        one, state = world.sent(name="identify"), "sent"
        for _ in range(6):
            said = chance.choice(["accepted", *final, "sent", "expired", "flying"])
            world.answer(one, said, result=said)
            if ranks.get(said, 0) > ranks[state]:
                state = said
            shown = world.shown(one)
            assert shown["state"] == state
            assert shown["result"] == (None if state == "sent" else state)


def test_an_answer_is_of_its_own_device_only(world):
    one = world.sent(name="identify")
    world.answer(one, "done", device_id="other")
    assert world.shown(one)["state"] == "sent"


def test_a_command_nobody_answers_expires_and_a_late_answer_still_counts(world):
    quiet, late = world.sent(name="identify", expires_s=5), world.sent(name="reboot", expires_s=5)
    begun, endless = world.sent(name="reboot", expires_s=5), world.sent(name="reboot")
    world.answer(begun, "accepted")
    world.now += 5
    assert world.shown(quiet)["state"] == "sent"
    world.now += 1
    states = [world.shown(one)["state"] for one in (quiet, late, begun, endless)]
    assert states == ["expired", "expired", "accepted", "sent"]
    world.answer(late, "refused", reason="expired")
    assert (world.shown(late)["state"], world.shown(late)["reason"]) == ("refused", "expired")


def test_an_answer_to_no_command_is_shown_and_makes_nothing_up(world):
    one = world.sent(name="identify")
    world.answer("never", "done", result=1)
    world.event("command_result", {"id": ["x"], "state": {}})
    world.event("command_result", {})
    listed = world.api.get("/sandbox/devices/d/commands").json()
    assert [row["id"] for row in listed["commands"]] == [one]
    assert listed["total"] == 1
    strays = [row["metadata"] for row in listed["unknown_answers"]]
    assert strays == [
        {},
        {"id": ["x"], "state": {}},
        {"id": "never", "state": "done", "result": 1},
    ]
    assert world.api.get("/sandbox/devices/d/commands/never").status_code == 404


def test_answers_are_events_too_as_ever(world):
    one = world.sent(name="identify")
    world.answer(one, "accepted")
    world.answer(one, "accepted")
    world.event("boot", {"cause": "power"})
    types = [row["event_type"] for row in world.api.get("/sandbox/devices/d/events").json()]
    assert types == ["command_result", "command_result", "boot"]


def test_the_list_has_the_newest_first_in_pages(world):
    ids = [world.sent(name="identify") for _ in range(5)]
    first = world.api.get("/sandbox/devices/d/commands?page_size=2").json()
    assert [row["id"] for row in first["commands"]] == ids[:2:-1]
    assert (first["total"], first["has_more"], first["page"]) == (5, True, 1)
    last = world.api.get("/sandbox/devices/d/commands?limit=2&offset=4").json()
    assert [row["id"] for row in last["commands"]] == ids[:1]
    assert last["has_more"] is False
