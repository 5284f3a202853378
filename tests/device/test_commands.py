"""What each command does, and what it tells."""

import json

from harness import scratch

from fakes.downlink import NOW_S, Place, Running, command
from fakes.uplink import Pin
from firmware import intake, pin_unix
from firmware.errors import LinkError

HEAP_KB = 400


async def test_read_now_is_stored_and_published_as_a_reading_too():
    async with Running(Place(scratch())) as world:
        await world.send(command("a", "read_now"))
        assert world.last("a")["result"] == {"t": 21.5}
        readings = [doc for topic, doc, _ in world.session.sent if topic.endswith("/telemetry")]
        assert [one["t"] for one in readings] == [21.5]


async def test_read_now_without_a_value_is_refused():
    async with Running(Place(scratch())) as world:

        def fail():
            raise OSError(19)

        world.sensor.on_read = fail
        await world.send(command("a", "read_now"))
        assert world.last("a")["reason"] == "no sensor tells anything"


async def test_set_interval_is_in_use_and_kept():
    place = Place(scratch(), {"interval_s": 30, "note": "of the owner"})
    async with Running(place) as world:
        await world.send(command("a", "set_interval", {"interval_s": 900}))
        assert world.last("a")["result"] == {"interval_s": 900}
        assert world.agent.sampler.interval_ms == 900_000
        assert world.settings()["interval_s"] == 900 and world.settings()["rev"] == 1
        assert world.settings()["note"] == "of the owner"
        # It is a setting like others: one that would have a sleeper gone for good is none.
    place = Place(scratch(), {"connect_every": 1000})
    async with Running(place) as world:
        await world.send(command("b", "set_interval", {"interval_s": 86400}))
        assert world.last("b")["reason"] == "refused: a session every 86400000 s"
        assert "interval_s" not in world.settings()


async def test_identify_blinks_and_ends_dark():
    Pin.told.clear()
    async with Running(Place(scratch(), {"led_pin": 2})) as world:
        await world.send(command("a", "identify", {"seconds": 3}))
        assert world.last("a") == {"id": "a", "state": "done"}
        assert Pin.told == [(2, 1), (2, 0)] * 6 + [(2, 0)]
        assert sum(world.clock.naps_ms) >= 3000


async def test_identify_without_a_led_or_with_a_pin_that_is_none_is_refused():
    async with Running(Place(scratch())) as world:
        await world.send(command("a", "identify"))
        assert world.last("a")["reason"] == "no led_pin"
    async with Running(Place(scratch(), {"led_pin": 50})) as world:
        await world.send(command("b", "identify"))
        assert world.last("b")["reason"] == "led_pin: invalid pin"
        world.agent.board.pin = pin_unix.Pin
        await world.send(command("c", "identify"))
        assert world.last("c")["reason"] == "led_pin: this machine has no pins"


async def test_get_config_tells_all_settings_in_pages_that_fit():
    sensors = [{"kind": "simulated", "key": "k%d" % number} for number in range(12)]
    async with Running(Place(scratch(), {"sensors": sensors, "interval_s": 7})) as world:
        found, more = {}, 1
        while more:
            command_id = "p%d" % len(found)
            await world.send(command(command_id, "get_config", {"skip": len(found)}))
            result = world.last(command_id)["result"]
            assert result["settings"]
            found.update(result["settings"])
            more = result["more"]
        from firmware import config

        assert set(found) == {row[0] for row in config.TABLE}
        assert found["interval_s"] == 7 and found["sensors"] == sensors
        await world.send(command("k", "get_config", {"keys": ["interval_s", "led_pin"]}))
        wanted = {"settings": {"interval_s": 7, "led_pin": None}, "more": 0}
        assert world.last("k")["result"] == wanted
        await world.send(command("u", "get_config", {"keys": ["password"]}))
        assert world.last("u")["reason"] == "keys: password is unknown"


async def test_get_logs_tells_the_newest_lines_and_how_many_more_there_are():
    async with Running(Place(scratch()), ring_bytes=4096) as world:
        log = world.agent.log
        for number in range(60):
            log.info("noted", n=number, text='"quoted" \\ and \u00e4\x01')
        await world.send(command("a", "get_logs"))
        result = world.last("a")["result"]
        assert len(result["lines"]) > 5 and result["more"] > 0
        assert "command_accepted" in result["lines"][-1]
        await world.send(command("b", "get_logs", {"lines": 2, "skip": 10}))
        result = world.last("b")["result"]
        assert len(result["lines"]) == 2 and "n=" in result["lines"][0]


async def test_get_logs_survives_lines_that_were_cut_and_a_ring_that_is_not_there():
    for before in ("", "x"):
        async with Running(Place(scratch()), ring_bytes=200) as world:
            world.agent.log.info("noted", text=before + "\u00e4" * 300)
            world.agent.log.root.level = 0
            await world.send(command("a" + before, "get_logs"))
            assert world.last("a" + before)["state"] == "done"
            (line,) = world.last("a" + before)["result"]["lines"]
            assert "noted" in line
    async with Running(Place(scratch()), ring_bytes=0) as world:
        await world.send(command("b", "get_logs"))
        assert world.last("b")["reason"] == "no log_ring_bytes"


async def test_sync_time_is_answered_when_the_time_was_told_or_not_in_time():
    async with Running(Place(scratch())) as world:
        world.deliver(command("a", "sync_time"))
        await world.settle(10)
        assert world.clock.doubted.is_set()
        world.clock.doubted.clear()
        await world.settle()
        assert world.last("a")["result"] == {"time": NOW_S}
        await world.send(command("b", "sync_time"))
        await world.settle(300)
        assert world.last("b")["reason"] == "no answer within 30 s"


async def test_add_wifi_hands_the_network_over_and_the_password_to_nobody_else():
    canary = "canary-of-the-cellar"
    place = Place(scratch())
    async with Running(place) as world:
        from firmware import addnetwork

        got = []

        async def add(agent, ssid, password, priority=0):
            got.append((agent, ssid, password, priority))
            if len(got) > 1:
                raise LinkError("wrong password")

        addnetwork.add = add
        network = {"ssid": "cellar", "password": canary, "priority": 3}
        world.deliver(command("a", "add_wifi", network))
        with open(place.root + "commands", "rb") as file:  # noqa: ASYNC230
            assert canary.encode() not in file.read()
        await world.settle()
        assert got == [(world.agent, "cellar", canary, 3)]
        assert world.last("a") == {"id": "a", "state": "done"}
        # It is loaded anew for each, so that what a test puts there is gone.
        await world.send(command("b", "add_wifi", network))
        assert world.last("b")["state"] == "refused"
        for args in ({"ssid": "c", "password": canary * 9}, {"ssid": canary * 9, "password": ""}):
            await world.send(command("c%d" % len(args["ssid"]), "add_wifi", args))
        everything = json.dumps(world.told()) + "\n".join(world.lines)
        assert canary not in everything


def wrong_values(kind, low, high):
    values = [None, 1.5, {}, True]
    if kind is int:
        return values + ["1", low - 1, high + 1, 9999999999]
    if kind is str:
        return values + [1, "x" * (high + 1)] + ([""] if low else [])
    return values + ["rev", [], [1], ["x"] * (high + 1)]


async def test_each_command_refuses_wrong_types_missing_extra_and_huge_arguments():
    async with Running(Place(scratch())) as world:
        number = 0
        for name, arguments in intake.COMMANDS.items():
            good = {}
            for argument, kind, low, _high, _ in arguments:
                good[argument] = {int: low, str: "x" * max(low, 8), list: ["rev"]}[kind]
            wrongs = [("extra", dict(good, extra=1))]
            for argument, kind, low, high, is_needed in arguments:
                values = wrong_values(kind, low, high)
                wrongs += [(argument, dict(good, **{argument: value})) for value in values]
                if is_needed:
                    wrongs.append((argument, {k: v for k, v in good.items() if k != argument}))
            for argument, args in wrongs:
                number += 1
                await world.send(command("n%d" % number, name, args))
                answer = world.last("n%d" % number)
                assert answer["state"] == "refused", (name, args)
                assert answer["reason"].startswith(argument + ": "), (name, args, answer)
        assert number > 50 and world.sensor.count == 0 and world.stops == 0


async def test_a_command_that_fails_unexpectedly_is_refused_without_its_text():
    async with Running(Place(scratch())) as world:

        async def sample():
            raise RuntimeError("secret")

        world.agent.sampler.sample = sample
        await world.send(command("a"))
        assert world.last("a")["reason"] == "failed: RuntimeError"


async def test_a_result_that_is_too_large_says_so():
    async with Running(Place(scratch())) as world:

        async def sample():
            return {"k%d" % number: 1.5 for number in range(200)}

        world.agent.sampler.sample = sample
        await world.send(command("a"))
        assert world.last("a")["result"]["too_large"] > 1000
