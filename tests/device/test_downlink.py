"""Commands: each at most once, recorded before anything else, refused with the reason."""

import json
import os
import sys

from harness import scratch

from fakes.downlink import COMMANDS, NOW_S, Place, Running, command
from firmware import files

# All of the agent's modules from their sources, and what the rig is made of.
HEAP_KB = 400
MODULES = ("commands", "actions", "lookup", "settings", "intake", "journal", "strictjson")


def loaded():
    return [name for name in MODULES if "firmware." + name in sys.modules]


def content(path):
    with open(path, "rb") as file:
        return file.read()


async def test_a_command_is_accepted_then_done_and_acted_on_once():
    async with Running(Place(scratch())) as world:
        await world.send(command("a"))
        assert world.told() == [
            {"id": "a", "state": "accepted"},
            {"id": "a", "state": "done", "result": {"t": 21.5}},
        ]
        assert world.sensor.count == 1 and world.publisher.events == []


async def test_nothing_is_loaded_at_a_start_and_nothing_stays():
    place = Place(scratch())
    for _ in range(2):
        async with Running(place) as world:
            assert loaded() == []
            await world.send(command("a"))
            assert loaded() == [], loaded()
            assert world.down.journal is None
            world.deliver(command("b%d" % world.kept.store.boot))
            assert "intake" in loaded()
            await world.settle()
        place.board.power_cut()


async def test_the_id_is_in_flash_before_the_broker_is_told_that_the_message_came():
    place = Place(scratch())
    async with Running(place) as world:
        world.deliver(command("a"))
        # Now the session sends the PUBACK; nothing has been done yet.
        assert world.sensor.count == 0
        data = content(place.root + "commands")
        assert b'"id": "a"' in data and b'"accepted"' in data


async def test_the_same_id_three_times_and_across_starts_acts_once():
    place = Place(scratch())
    count = 0
    for _ in range(3):
        async with Running(place) as world:
            await world.send(command("same"))
            await world.send(command("same", "set_interval", {"interval_s": 5}))
            count += world.sensor.count
            assert world.config.interval_s == 60
        place.board.power_cut()
    assert count == 1


async def test_at_least_64_ids_are_remembered():
    place = Place(scratch())
    async with Running(place) as world:
        for number in range(64):
            await world.send(command("c%d" % number))
        assert world.sensor.count == 64
    async with Running(place) as world:
        for number in range(64):
            await world.send(command("c%d" % number))
        assert world.sensor.count == 0


async def test_a_command_that_was_under_way_is_told_as_interrupted_with_the_cause():
    place = Place(scratch())
    async with Running(place) as world:
        world.session.up.clear()
        world.deliver(command("a", "identify"))
        world.deliver(command("b"))
    async with Running(place, cause="watchdog") as world:
        for one in "ab":
            assert world.last(one) == {"id": one, "state": "interrupted", "reason": "watchdog"}
        await world.send(command("a", "identify"))
        assert world.states("a") == ["interrupted"]
    async with Running(place) as world:
        assert world.told() == []


async def test_a_result_that_the_broker_did_not_acknowledge_is_told_after_the_start():
    place = Place(scratch())
    async with Running(place) as world:
        world.session.acks = False
        await world.send(command("a"))
        assert world.states("a") == ["accepted", "done"]
    for told in ([{"id": "a", "state": "done", "result": {"t": 21.5}}], []):
        async with Running(place) as world:
            assert world.sensor.count == 0 and world.told() == told


async def test_what_is_wrong_is_refused_with_the_reason():
    async with Running(Place(scratch())) as world:
        cases = (
            (command("e1", not_after=NOW_S - 1), "expired"),
            (command("e2", "format_flash"), "name: unknown"),
            (command("e3", args={"x": 1}), "x: unknown"),
            (command("e4", "set_interval"), "interval_s: missing"),
            (command("e5", "set_interval", {"interval_s": "60"}), "interval_s: wrong type"),
            (command("e6", "set_interval", {"interval_s": True}), "interval_s: wrong type"),
            (command("e7", "set_interval", {"interval_s": 0}), "interval_s: not in 1..86400"),
            (command("e8", not_after="soon"), "not_after: wrong type"),
            (command("e9", extra=1), "extra: unknown"),
            ({"id": "e10", "name": "read_now", "args": []}, "args: wrong type"),
        )
        for document, reason in cases:
            await world.send(document)
            command_id = document["id"]
            assert world.last(command_id)["reason"] == reason, (command_id, world.last(command_id))
            assert world.states(command_id) == ["refused"]
        await world.send(command("r"), retained=1)
        assert world.last("r")["reason"] == "retained"
        assert world.sensor.count == 0


async def test_one_without_a_usable_id_is_refused_with_none():
    async with Running(Place(scratch())) as world:
        long = "x" * 65
        for message, why in (
            (None, "oversize"),
            (b"", "json: it ends too early"),
            (b'{"id": "a" "name": "read_now"}', "json: no , at byte 11"),
            (b'{"id": "a", "id": "a", "name": "read_now"}', "json: a key is there twice"),
            (b'{"name": "read_now"}', "id: not a text of 1 to 64 characters"),
            (json.dumps(command(long)).encode(), "id: not a text of 1 to 64 characters"),
            (json.dumps(command("a b")).encode(), "id: not of letters, digits, - and _"),
            (json.dumps(command("\u00e4")).encode(), "id: not of letters, digits, - and _"),
        ):
            await world.send(message)
            refused = {"id": None, "state": "refused", "reason": why}
            assert world.told()[-1] == refused, (message, world.told()[-1])
        assert world.sensor.count == 0 and len(world.told()) == 8


async def test_while_the_time_is_unknown_nothing_with_a_limit_is_obeyed():
    async with Running(Place(scratch()), epoch_s=None) as world:
        await world.send(command("a", not_after=NOW_S))
        await world.send(command("b"))
        assert world.last("a")["reason"] == "time_unknown" and world.last("b")["state"] == "done"


async def test_one_that_expires_while_it_waits_is_not_acted_on():
    async with Running(Place(scratch())) as world:
        world.deliver(command("a", not_after=NOW_S + 5))
        world.clock.epoch += 6
        await world.settle()
        assert world.states("a") == ["accepted", "refused"] and world.sensor.count == 0


async def test_flash_that_takes_nothing_refuses_and_acts_on_nothing():
    place = Place(scratch())
    os.mkdir(place.root + "commands.tmp")
    async with Running(place) as world:
        await world.send(command("a"))
        assert world.told() == [{"id": "a", "state": "refused", "reason": "not_recorded"}]
        assert world.sensor.count == 0 and world.lines.having("journal_unusable")
        os.rmdir(place.root + "commands.tmp")
        await world.send(command("a"))
        assert world.last("a")["state"] == "done"


async def test_damage_of_the_journal_is_noticed_and_the_device_goes_on():
    place = Place(scratch())
    async with Running(place) as world:
        world.deliver(command("b"))
    whole = content(place.root + "commands")
    flipped = whole[:500] + bytes((whole[500] ^ 1,)) + whole[501:]
    for data in (b"", b"x", bytes(518), b"\xff" * 700, whole[:-1], flipped):
        files.replace(place.root + "commands", data)
        async with Running(place) as world:
            await world.send(command("a"))
            assert world.last("a")["state"] == "done", data
            assert world.lines.having("journal_damaged")


async def test_a_refused_subscription_is_told_once_and_costs_nothing_else():
    async with Running(Place(scratch())) as world:
        assert world.session.window.topics == {COMMANDS: 1, b"devices/d1/config": 1}
        assert world.session.window.asked  # with the first login, whatever the broker kept
        world.session.window.topics.pop(COMMANDS)
        for _ in range(3):
            world.down.stirred.set()
            await world.settle()
        assert world.told("subscription_refused") == [{"topic": COMMANDS.decode()}]


async def test_other_topics_are_nobodys_business():
    async with Running(Place(scratch())) as world:
        await world.send(command("a"), topic=b"devices/other/commands")
        assert world.told() == [] and world.sensor.count == 0
