"""Power cuts in every flash operation of commands and settings on a real littlefs.

A story of commands runs once on a flash that keeps a journal, and notes what had happened by each
operation: which messages the broker was told to have come, which were acted on, which answers it
had. Then the flash is made as a cut in each operation left it, the device starts on it, and the
broker tells again what it was not told to have come, and some of the rest. No id may be acted on
twice, and each that was acknowledged has its last answer in the end.
"""

import asyncio
import gc
import json
import random
import sys

sys.path[:] = [".frozen", ".", "lib", "tests", "tests/proof/device"]

from fakes.downlink import CONFIG, Place, World, command
from fakes.flash import Flash, cuts

FINAL = ("done", "refused", "interrupted")
# The names do, and whether the story restarts after them.
KINDS = ("read_now", "set_interval", "get_config", "unknown", "reboot")


class Story:
    """What happened, in order; the flash's mark is how much of it had."""

    def __init__(self, seed, planted=False):
        random.seed(seed)
        self.happened = []  # (what, id)
        self.flash = Flash(24).format()
        self.flash.mount()
        self.place = Place("/flash")
        self.image = bytes(self.flash.data)
        self.flash.journal = []
        self.sent = []
        self.planted = planted

    def note(self, what, command_id):
        self.happened.append((what, command_id))
        self.flash.mark = len(self.happened)

    def world(self, cause):
        """Return a device that notes into this story."""
        world = World(self.place, cause=cause)
        world.session.on_ack = self._acknowledged
        current = []
        whole = world.agent.sampler.sample

        async def sample():
            self.note("acted", current[0] if current else None)
            return await whole()

        world.agent.sampler.sample = sample
        self._watch(world, current)
        return world

    def _watch(self, world, current):
        add_event = world.publisher.add_event

        def noted(event_type, metadata, done=None):
            if event_type == "command_result" and metadata["state"] == "accepted":
                current[:] = [metadata["id"]]
            add_event(event_type, metadata, done)

        world.publisher.add_event = noted

        def stop(_sleep_ms=0):
            self.note("rebooted", current[0])
            world.stops += 1

        world.agent.stop = stop

    def _acknowledged(self, _topic, document):
        if document.get("event_type") == "command_result":
            answer = document["metadata"]
            if answer["state"] in FINAL:
                self.note("answered", answer["id"])

    async def play(self):
        """Send commands, some before the one before is done; restart when told to."""
        world = self.world("power")
        world.begin()
        for number in range(6):
            name = KINDS[random.randrange(len(KINDS))]
            args = {"interval_s": 10 + number} if name == "set_interval" else {}
            document = command("c%d" % number, name, args)
            self.sent.append(document)
            world.deliver(document)
            self.note("acknowledged", document["id"])
            if random.randrange(3):
                await world.settle(40)
            if number == 3:
                settings = {"rev": 1 + number, "interval_s": 20 + number}
                world.deliver(json.dumps(settings).encode(), CONFIG, 1)
            if world.stops:
                await world.end()
                world = self.world("planned")
                world.begin()
        await world.settle(200)
        while world.stops:
            await world.end()
            world = self.world("planned")
            world.begin()
            await world.settle(200)
        await world.end()


async def after(story, mark):
    """Start on what a cut left; return what happened then."""
    before = story.happened[:mark]
    known = {command_id for what, command_id in before if what == "acknowledged"}
    story.happened = list(before)
    for _ in range(3):
        world = story.world("power")
        if story.planted:
            world.down.look_back = lambda: None
        world.begin()
        # The broker sends again what it does not know to have come, and others replay.
        for document in story.sent:
            if document["id"] in known or not known or document["id"] in _next(story, known):
                world.deliver(document)
                await world.settle(60)
                if world.stops:
                    break
        await world.settle(100)
        await world.end()
    return before, known


def _next(story, known):
    """Return the id that was on its way when the power went."""
    left = [one["id"] for one in story.sent if one["id"] not in known]
    return left[:1]


def wrong_with(story, known):
    """Return what is wrong with all that happened, None if nothing is."""
    for document in story.sent:
        command_id = document["id"]
        acted = len([one for one in story.happened if one in (
            ("acted", command_id), ("rebooted", command_id))])  # fmt: skip
        if acted > 1:
            return "%s was acted on %d times" % (command_id, acted)
        if command_id in known and ("answered", command_id) not in story.happened:
            return "%s (%s) has no answer" % (command_id, document["name"])
    return None


def sweep(seed, most, planted=False):
    """Cut a story in every operation; return (tried, failures)."""
    story = Story(seed, planted)
    asyncio.run(story.play())
    whole = wrong_with(story, {one["id"] for one in story.sent})
    failures = [] if whole is None else ["uncut: " + whole]
    happened, journal = story.happened, story.flash.journal
    tried = 0
    for image, mark, operation, tear in cuts(story.image, journal, (0, 2)):
        tried += 1
        story.happened = happened
        story.flash = Flash(24, image)
        story.flash.mount()
        story.place.board.nvs.values.clear()
        story.place.board.power_cut()
        try:
            _, known = asyncio.run(after(story, mark))
            why = wrong_with(story, known)
        except Exception as exc:
            why = repr(exc)
        asyncio.new_event_loop()
        if why:
            failures.append("seed %d operation %d tear %d: %s" % (seed, operation, tear, why))
        gc.collect()
        if tried >= most or len(failures) > 3:
            break
    return tried, failures


def main(seed, most):
    """Cut stories until so many cuts were made, and print the result as JSON."""
    tried, failures = 0, []
    while tried < most and not failures:
        count, failures = sweep(seed, most - tried)
        tried += count
        seed += 1
    caught = bool(sweep(seed, 400, planted=True)[1])
    print(json.dumps({
        "tried": tried, "failed": len(failures), "failures": failures, "caught": caught,
    }))  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
