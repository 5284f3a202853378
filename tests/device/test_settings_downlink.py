"""Settings from the platform: judged one by one, kept, and in use."""

import json
import os

from harness import scratch

from fakes.downlink import BASE, CONFIG, NOW_S, Place, Running, give, results

HEAP_KB = 500


async def test_good_keys_are_taken_whatever_the_others_are():
    place = Place(scratch())
    async with Running(place) as world:
        await give(world, rev=7, interval_s=15, mqtt_host="evil.example", window=0, colour=1,
                   log_level="X", flush_after_s="60", budget_per_min=True)  # fmt: skip
        assert results(world) == [
            {
                "rev": 7,
                "keys": {
                    "interval_s": "ok",
                    "mqtt_host": "refused: over USB only",
                    "window": "0 is not in 1..64",
                    "colour": "unknown",
                    "log_level": "'X' is not one of E, W, I, D",
                    "flush_after_s": "'60' is not of type int",
                    "budget_per_min": "True is not of type int",
                },
            }
        ]
        assert world.settings() == {"rev": 7, "mqtt_host": "broker.example", "interval_s": 15}
        assert world.agent.sampler.interval_ms == 15_000 and world.stops == 0


async def test_what_can_be_is_in_use_at_once():
    place = Place(scratch())
    async with Running(place) as world:
        await give(world, rev=2, budget_per_min=100, flush_after_s=30, log_level="W",
                   telemetry_sequence=True, keepalive_s=120, retry_min_ms=200,
                   retry_max_ms=9000, topics=["devices/+/sensors/t"])  # fmt: skip
        (result,) = results(world)
        assert set(result["keys"].values()) == {"ok"} and len(result["keys"]) == 8
        agent = world.agent
        assert (agent.publisher.budget.per_min, agent.store.flush_after_s) == (100, 30)
        assert agent.log.root.level == 1
        session = agent.session
        assert (session.keepalive, session.link.keepalive_s, session.disconnects) == (120, 120, 1)
        for backoff in (session.backoff, agent.wifi.backoff):
            assert (backoff.min_ms, backoff.max_ms) == (200, 9000)
        await agent.sampler.take()
        await world.settle()
        topic, reading, _ = world.session.sent[-1]
        assert topic == "devices/d1/sensors/t"
        assert (reading["t"], reading["seq"]) == (21.5, 0)
        assert world.stops == 0


async def test_a_reading_on_its_way_keeps_its_topic():
    async with Running(Place(scratch())) as world:
        world.session.acks = False
        await world.agent.sampler.take()
        await world.settle()
        await give(world, rev=2, topics=["devices/+/sensors/t"])
        ref = next(one[1] for one in world.session.open if one[2].endswith(b"telemetry"))
        assert world.publisher.message(ref)[0] == b"devices/d1/telemetry"
        world.session.acks = True
        await world.settle()
        assert results(world)[0]["keys"] == {"topics": "ok"}
        await world.agent.sampler.take()
        await world.settle()
        assert world.session.sent[-1][0] == "devices/d1/sensors/t"


async def test_what_cannot_be_changed_live_is_told_and_then_the_agent_restarts():
    place = Place(scratch())
    async with Running(place) as world:
        world.session.acks = False
        await give(world, rev=2, window=4, interval_s=9)
        assert world.stops == 0
        world.session.acks = True
        await world.settle()
        assert results(world) == [
            {"rev": 2, "keys": {"window": "ok, restarts", "interval_s": "ok"}}
        ]
        assert world.stops == 1
    async with Running(place) as world:
        assert world.config.window == 4
        await give(world, rev=2, window=4, interval_s=9)
        assert results(world) == [] and world.stops == 0


async def test_the_same_document_loads_nothing_and_older_ones_are_ignored():
    place = Place(scratch())
    for _ in range(2):
        async with Running(place) as world:
            await give(world, rev=5, interval_s=9)
            told = results(world)
            before = len(world.lines)
            world.deliver(json.dumps({"rev": 5, "interval_s": 9}), CONFIG, 1)
            assert world.down.documents == []
            await give(world, rev=5, interval_s=10)
            await give(world, rev=4, interval_s=10)
            assert results(world) == told and world.settings()["interval_s"] == 9
            assert len(world.lines) == before + 2
    assert told == []


async def test_a_result_that_was_not_acknowledged_is_told_after_a_restart():
    place = Place(scratch())
    async with Running(place) as world:
        world.session.acks = False
        await give(world, rev=5, interval_s=9)
    async with Running(place) as world:
        await give(world, rev=5, interval_s=9)
        assert results(world) == [{"rev": 5, "keys": {"interval_s": "ok"}}]


async def test_a_login_of_its_own_begins_with_no_revision_seen():
    place = Place(scratch())
    async with Running(place) as world:
        await give(world, rev=50, interval_s=9)
        world.down.owner += 1
        await give(world, rev=1, interval_s=8)
        assert world.settings()["interval_s"] == 8


async def test_a_document_that_is_none_is_told_and_not_again():
    place = Place(scratch())
    bad = (b"[1]", b"{", b'{"interval_s": 5}', b'{"rev": -1}', b'{"rev": true}', b'{"rev": 1 }x')
    async with Running(place) as world:
        for document in bad + (None,):
            for _ in range(2):
                await world.send(document, topic=CONFIG, retained=1)
            told = results(world)
            assert told[-1]["rev"] is None and told[-1]["reason"], document
        assert len(told) == len(bad) + 2
        await world.send(b"", topic=CONFIG)  # the topic was cleared
        assert results(world) == told
        assert world.settings() == BASE


async def test_flash_that_is_full_changes_nothing_and_says_so():
    place = Place(scratch())
    os.mkdir(place.root + "config.json.tmp")
    async with Running(place) as world:
        await give(world, rev=2, interval_s=9)
        (result,) = results(world)
        assert result["keys"]["interval_s"].startswith("not kept")
        assert world.agent.sampler.interval_ms == 60_000 and world.settings() == BASE


async def test_what_would_cut_the_device_off_for_good_is_refused():
    place = Place(scratch())
    async with Running(place) as world:
        away = {"mqtt_host": "x", "mqtt_port": 1, "dns_servers": ["192.0.2.1"],
                "static_address": ["192.0.2.1", "255.255.255.0", "192.0.2.2", "192.0.2.2"],
                "wifi_country": "JP", "commands_topic": "x", "config_topic": "x"}  # fmt: skip
        await give(world, rev=2, **away)
        assert set(results(world)[0]["keys"].values()) == {"refused: over USB only"}
        # As they are they may be there.
        await give(world, rev=3, mqtt_host="broker.example", mqtt_port=8883)
        assert set(results(world)[1]["keys"].values()) == {"ok"}
        await give(world, rev=4, connect_every=1000, interval_s=3600)
        reason = {"refused: a session every 3600000 s"}
        assert set(results(world)[2]["keys"].values()) == reason
        assert world.settings() == dict(BASE, rev=4) and world.stops == 0


async def test_many_keys_get_an_answer_that_fits():
    async with Running(Place(scratch())) as world:
        many = {"unknown_%d" % number: 1 for number in range(50)}
        await give(world, rev=2, interval_s=3, window=0, **many)
        keys = results(world)[0]["keys"]
        assert keys["interval_s"] == "ok" and keys["window"].startswith("0 is not")
        assert keys["..."].endswith(" more")
        assert len(json.dumps(results(world)[0])) < 1024


async def test_settings_come_while_commands_are_acted_on():
    async with Running(Place(scratch()), epoch_s=NOW_S) as world:
        world.deliver({"id": "a", "name": "read_now", "args": {}})
        world.deliver(json.dumps({"rev": 2, "interval_s": 5}).encode(), CONFIG, 1)
        world.deliver(json.dumps({"rev": 3, "interval_s": 6}).encode(), CONFIG, 1)
        await world.settle()
        assert world.last("a")["state"] == "done"
        assert [one["rev"] for one in results(world)] == [3]
        assert world.agent.sampler.interval_ms == 6000
