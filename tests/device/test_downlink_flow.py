"""Commands in bulk, without a session, and over a restart: bounded, and answered all the same."""

import asyncio

from harness import scratch

from fakes.downlink import Place, Running, World, command

# All of the agent's modules from their sources, and what the rig is made of.
HEAP_KB = 400


async def test_more_than_eight_open_commands_are_busy_and_a_flood_is_counted():
    async with Running(Place(scratch())) as world:
        for number in range(1000):
            world.deliver(command("c%d" % number))
            assert len(world.down.queue) <= 8 and len(world.publisher.events) <= 16
        await world.settle(600)
        done = [one for one in world.told() if one["state"] == "done"]
        busy = [one for one in world.told() if one["state"] == "refused"]
        (ignored,) = world.told("commands_ignored")
        assert len(done) == 8 == world.sensor.count
        assert {one["reason"] for one in busy} == {"busy"}
        assert len(done) + len(busy) + ignored["count"] == 1000
        assert not world.lines.having("event_lost")
        await world.send(command("later"))
        assert world.last("later")["state"] == "done"


async def test_no_more_than_five_are_acted_on_in_a_second():
    async with Running(Place(scratch())) as world:
        for number in range(8):
            world.deliver(command("c%d" % number))
        began_ms = world.clock.now
        await world.settle(300)
        assert world.sensor.count == 8
        assert world.clock.now - began_ms >= 8 * 200


async def test_a_reboot_waits_until_the_platform_knows_and_happens_once():
    place = Place(scratch())
    async with Running(place) as world:
        world.session.acks = False
        await world.send(command("r", "reboot"))
        assert world.stops == 0 and world.states("r") == ["accepted"]
        world.session.acks = True
        await world.settle()
        assert world.stops == 1
        await world.send(command("r", "reboot"))
        assert world.stops == 1
    for _ in range(2):
        async with Running(place, cause="planned") as world:
            await world.send(command("r", "reboot"))
            assert world.stops == 0
            states = world.states("r")
    assert states == []


async def test_after_a_reboot_by_command_it_is_done():
    place = Place(scratch())
    async with Running(place) as world:
        await world.send(command("r", "reboot"))
    async with Running(place, cause="planned") as world:
        assert world.told() == [{"id": "r", "state": "done"}]


async def test_an_answer_outlives_a_queue_of_events_that_overflows():
    async with Running(Place(scratch())) as world:
        world.session.size = 0
        world.deliver(command("a"))
        await world.settle()
        assert world.sensor.count == 1
        for number in range(40):
            world.publisher.add_event("noise", {"n": number})
        assert not [event for event in world.publisher.events if b"command" in event[0]]
        world.session.size = 16
        world.publisher.ready.set()
        # It looks after its answer every five seconds of a real clock.
        for _ in range(80):
            await asyncio.sleep_ms(100)
            await world.settle(5)
            if world.states("a")[-1:] == ["done"]:
                break
        assert world.states("a")[-1] == "done" and world.sensor.count == 1


async def until(world, is_so):
    """Let a second or two of a real clock pass, until it is so."""
    for _ in range(40):
        await world.settle(5)
        if is_so():
            return
        await asyncio.sleep_ms(100)
    raise AssertionError("it did not come to that")


async def test_without_a_session_nothing_is_acted_on_and_with_it_all_of_it_is():
    place = Place(scratch())
    async with Running(place) as world:
        world.session.up.clear()
        await world.send(command("a"))
        assert world.sensor.count == 0
        world.session.up.set()
        await until(world, lambda: world.states("a") == ["accepted", "done"])


async def test_settings_without_a_session_are_not_trusted_whatever_else_waits():
    place = Place(scratch())
    async with Running(place) as world:
        world.session.acks = False
        await world.send(command("a"))
    place.board.nvs.set_i32("trial", 1)
    world = World(place)
    world.session.up.clear()
    world.down.looks = 599
    world.begin()
    await until(world, lambda: world.stops == 1)
    assert place.board.nvs.get_i32("trial") == 2 and world.told() == []
    world.session.up.set()
    await until(world, lambda: world.told() != [])
    assert place.board.nvs.get_i32("trial") == 0
    await world.end()


async def test_no_memory_for_a_command_is_told():
    async with Running(Place(scratch())) as world:
        from firmware import intake

        def full(*_):
            raise MemoryError

        intake.receive, whole = full, intake.receive
        await world.send(command("a"))
        assert world.told("commands_ignored") == [{"count": 1}]
        intake.receive = whole
