"""A device that takes commands and settings: all of it real but the session, the pins, the hours.

What a broker would do with a message, a test has this one do: deliver() hands it over, and what
is published is acknowledged at once, or when the test says so.
"""

import asyncio
import json

from fakes.board import FakeBoard
from fakes.clock import FakeClock
from fakes.store import StoreRig
from fakes.uplink import Part, Pin, Sensor, Session, Status
from firmware import config as configuration
from firmware import files
from firmware.agent import Agent
from firmware.backoff import Backoff
from firmware.composer import Composer
from firmware.downlink import Downlink
from firmware.publisher import Publisher
from firmware.reading import Reading
from firmware.ring import Ring
from firmware.sampler import Sampler
from firmware.topics import topics_of

NOW_S = 1795400000
COMMANDS, CONFIG = b"devices/d1/commands", b"devices/d1/config"
BASE = {"rev": 1, "mqtt_host": "broker.example"}


class Identity:
    device_id = "d1"
    username = "u1"


class Place:
    """Where the files of a device are, and what else outlives a restart."""

    def __init__(self, folder, settings=None):
        self.root = folder + "/"
        self.board = FakeBoard(self.root)
        self.board.pin = Pin
        if settings is not False:
            values = dict(BASE)
            values.update(settings or {})
            files.replace(self.root + "config.json", json.dumps(values).encode())


class World:
    def __init__(self, place, cause="power", epoch_s=NOW_S, ring_bytes=1024):
        """Start on what is in a Place."""
        self.place = place
        board = place.board
        files.make_folder(place.root + "data")
        self.clock = FakeClock(epoch_s=epoch_s)
        self.clock.doubted = asyncio.Event()
        self.kept = StoreRig(place.root + "data", board, Sensor.points, front_bytes=2048)
        self.kept.clock.epoch = epoch_s
        self.lines = self.kept.lines
        log = self.lines.log("agent")
        if ring_bytes:
            log.root.sink = Ring(ring_bytes, self.lines.append)
        config = configuration.usable(place.root, log, "config.json", board.nvs)
        for key, topic in (("commands_topic", COMMANDS), ("config_topic", CONFIG)):
            if key not in config.values:  # a test says "" if it wants none
                setattr(config, key, topic.decode())
        self.config = config
        self.session = session = Session()
        self.topics = topics_of("d1", config.topics)
        self.sensor = Sensor()
        store = self.kept.store
        composer = Composer(
            store, Reading(Sensor.points), self.topics, self.kept.clock, log.child("publisher"),
            config.telemetry_sequence, config.batch, 900,
        )  # fmt: skip
        self.publisher = Publisher(
            session, store, composer, self.topics, Status(), self.clock, log.child("publisher"),
            self.kept.filled, config.budget_per_min,
        )  # fmt: skip
        sampler = Sampler(
            [("fake", self.sensor)], Reading(Sensor.points), store, self.clock,
            log.child("sampler"), config.interval_s, self.publisher.add_event,
        )  # fmt: skip
        wifi = Part()
        wifi.backoff, wifi.networks = Backoff(500, 300_000, lambda limit: 0), []
        self.agent = Agent(board, self.clock, log, wifi, session, sampler, store, self.publisher)
        self.stops = 0
        self.agent.stop = self._stop
        self.down = Downlink(self.agent, Identity, config, cause)
        self.tasks = []

    def _stop(self, _sleep_ms=0):
        self.stops += 1

    def begin(self):
        self.tasks = [
            asyncio.create_task(self.publisher.run()),
            asyncio.create_task(self.down.run()),
        ]

    async def end(self):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def settle(self, turns=60):
        """Let everything happen that can; the broker acknowledges if it does so at all."""
        for _ in range(turns):
            await asyncio.sleep_ms(0)
            if self.session.acks and self.session.open:
                self.session.ack_all()
                self.publisher.ready.set()

    def deliver(self, message, topic=COMMANDS, retained=0):
        """Hand over a message, as the session does before it acknowledges it."""
        if isinstance(message, dict):
            message = json.dumps(message).encode()
        self.session.retained = retained
        self.session.cb(topic, message)
        self.session.retained = 0

    async def send(self, message, **options):
        self.deliver(message, **options)
        await self.settle()

    def told(self, event_type="command_result"):
        """Return the metadata of all events of a type that were published."""
        return [
            document["metadata"]
            for topic, document, _ in self.session.sent
            if topic == "devices/d1/events" and document["event_type"] == event_type
        ]

    def states(self, command_id):
        return [one["state"] for one in self.told() if one["id"] == command_id]

    def last(self, command_id):
        return [one for one in self.told() if one["id"] == command_id][-1]

    def settings(self):
        with open(self.place.root + "config.json") as file:
            return json.load(file)


class Running:
    """async with Running(place) as world: it runs meanwhile."""

    def __init__(self, place, **options):
        self.world = World(place, **options)

    async def __aenter__(self):
        self.world.begin()
        await self.world.settle()
        return self.world

    async def __aexit__(self, *_):
        await self.world.end()


def command(command_id, name="read_now", args=None, **fields):
    document = {"id": command_id, "name": name, "args": args or {}}
    document.update(fields)
    return document


async def give(world, **document):
    await world.send(document, topic=CONFIG, retained=1)


def results(world):
    return world.told("config_result")
