"""What is stored of the messages the broker hands over, without a broker."""

import asyncio
from contextlib import closing

import aiomqtt
import pytest

from ways_device.sandbox.datapoints import Datapoints
from ways_device.sandbox.db import Db
from ways_device.sandbox.devices import Devices
from ways_device.sandbox.events import Events
from ways_device.sandbox.ingest import Ingest
from ways_device.sandbox.keys import hashed
from ways_device.sandbox.ledger import Ledger
from ways_device.sandbox.presence import Presence
from ways_device.sandbox.subscriber import Subscriber
from ways_device.sandbox.telemetry import Telemetry


def message(packet_id, seq, qos=1, retain=False, category="telemetry"):
    payload = b'{"boot": 1, "seq": %d}' % seq
    return aiomqtt.Message(f"devices/d/{category}", payload, qos, retain, packet_id, None)


class Rig:
    def __init__(self, db):
        self.db = db
        events = Events(db)
        ledger = Ledger(db, events)
        self.ingest = Ingest(db, Datapoints(db), Telemetry(db), events, ledger)
        Devices(db, Presence(db)).create({"name": "d", "device_id": "d"}, hashed("x"))
        self.ledger = ledger

    def receive(self, *batch):
        """As a fresh process would: nothing is remembered but what is in the database."""
        subscriber = Subscriber(None, self.db, self.ingest, asyncio.Event(), lambda: None)
        subscriber._store(list(batch))

    @property
    def counts(self):
        boot = self.ledger.report("d")["boots"][0]
        return boot["delivered"], boot["duplicates"]


@pytest.fixture
def rig():
    with closing(Db(":memory:")) as db:
        yield Rig(db)


def test_what_the_broker_repeats_is_not_stored_twice(rig):
    rig.receive(message(1, 0), message(2, 1))
    rig.receive(message(1, 0), message(2, 1), message(3, 2))
    assert rig.counts == (3, 0)


def test_what_the_device_repeats_is_a_duplicate(rig):
    rig.receive(message(1, 0), message(2, 0))
    assert rig.counts == (1, 1)


def test_a_packet_id_that_comes_round_again_is_a_new_message(rig):
    rig.receive(message(1, 0))
    rig.receive(message(1, 1))
    assert rig.counts == (2, 0)


def test_messages_without_a_packet_id_are_all_taken(rig):
    rig.receive(message(0, 0, qos=0), message(0, 0, qos=0))
    assert rig.counts == (1, 1)


def test_retained_messages_are_no_news(rig):
    rig.receive(message(1, 0), message(2, 7, retain=True))
    assert rig.counts == (1, 0)


def test_few_messages_are_remembered(rig):
    for start in range(0, 3000, 100):
        rig.receive(*(message(n + 1, n) for n in range(start, start + 100)))
    assert rig.db.scalar("SELECT count(*) FROM received") == 256
    assert rig.counts == (3000, 0)


def test_a_message_that_breaks_the_reader_stops_nothing(rig, capsys):
    take = rig.ingest.take

    def broken(topic, payload, received_at):
        take(topic, payload, received_at)
        if topic.endswith("poison"):
            raise RuntimeError("a bug")

    rig.ingest.take = broken
    rig.receive(message(1, 0), message(2, 1, category="poison"), message(3, 2))
    assert rig.counts == (2, 0)
    assert "devices/d/poison" in capsys.readouterr().err
