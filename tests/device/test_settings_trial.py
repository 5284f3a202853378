"""Settings from the platform with which the device fails: taken back, and that is told."""

import asyncio

from harness import scratch

from fakes.downlink import Place, Running, give, results
from fakes.log import Lines
from firmware import config as configuration
from firmware import files
from firmware.errors import ConfigError

HEAP_KB = 500


async def changed(place, **values):
    async with Running(place) as world:
        await give(world, rev=2, **values)
        assert world.stops == 1, results(world)


def start(place, lines):
    """Load the settings as start.py does; return them."""
    return configuration.usable(place.root, lines.log("agent"), "config.json", place.board.nvs)


async def test_settings_that_bring_no_session_are_taken_back_and_that_is_told():
    place = Place(scratch(), {"interval_s": 45})
    await changed(place, front_bytes=65536, interval_s=50)
    lines = Lines()
    windows = [start(place, lines).front_bytes for _ in range(6)]
    assert windows == [65536] * 3 + [1024] * 3
    async with Running(place) as world:
        assert results(world) == [
            {
                "rev": 2,
                "keys": {
                    "front_bytes": "taken back: no session with it",
                    "interval_s": "taken back: no session with it",
                },
            }
        ]
        assert world.config.interval_s == 45
        # The platform goes on telling them.
        await give(world, rev=2, front_bytes=65536, interval_s=50)
        assert world.stops == 0 and world.settings()["interval_s"] == 45
        await give(world, rev=3, interval_s=50)
        assert world.settings()["interval_s"] == 50
    async with Running(place) as world:
        assert results(world) == []


async def test_settings_whose_result_nobody_knew_are_not_tried_for_ever():
    place = Place(scratch())
    document = {"rev": 2, "front_bytes": 65536}
    async with Running(place) as world:
        world.session.acks = False
        await give(world, **document)
        assert world.settings()["front_bytes"] == 65536
    for _ in range(4):
        start(place, Lines())
    async with Running(place) as world:
        assert [one["keys"] for one in results(world)] == [
            {"front_bytes": "taken back: no session with it"}
        ]
        await give(world, **document)
        assert "front_bytes" not in world.settings() and world.stops == 0


async def test_settings_that_bring_a_session_are_the_last_good_ones():
    place = Place(scratch())
    await changed(place, window=4)
    async with Running(place) as world:
        for _ in range(12):
            await asyncio.sleep_ms(100)
            await world.settle(2)
        assert place.board.nvs.get_i32("trial") == 0
        assert configuration.raw(place.root + "config.last")["window"] == 4
    lines = world.lines
    assert [start(place, lines).window for _ in range(6)] == [4] * 6


async def test_settings_that_no_agent_can_be_made_of_are_taken_back_at_once():
    place = Place(scratch())
    await changed(place, sensors=[{"kind": "nonsense"}])
    lines = Lines()
    tried, found = [], None
    while not tried or tried[-1]:
        found = configuration.usable(
            place.root, lines.log("agent"), "config.json", place.board.nvs, found
        )
        tried.append(found.sensors)
        found.refused = ConfigError("sensors: nonsense")
    assert tried == [[{"kind": "nonsense"}], []]
    async with Running(place) as world:
        assert results(world)[0]["keys"] == {"sensors": "taken back: no session with it"}
        assert world.config.sensors == []


async def test_a_file_that_somebody_broke_over_usb_is_not_kept_as_the_last_good_one():
    place = Place(scratch(), {"interval_s": 33})
    files.copy(place.root + "config.json", place.root + "config.last")
    files.replace(place.root + "config.json", b"nonsense")
    await changed(place, window=4)
    assert configuration.raw(place.root + "config.last")["interval_s"] == 33
    assert configuration.raw(place.root + "config.last").get("window") is None
    assert configuration.raw(place.root + "config.json")["interval_s"] == 33
