"""What a device with commands has that is not real: session, sensor, pins, status document."""

import asyncio
import json

from firmware.backoff import Backoff
from firmware.reading import Datapoint


class Part:
    """Something that has attributes."""


class Session:
    retained = 0
    keepalive = 60
    server, port = "broker.example", 8883
    logins = 1
    size = 16

    def __init__(self):
        self.up = asyncio.Event()
        self.up.set()
        self.window = Part()
        self.window.topics, self.window.asked = {}, {}
        self.link = Part()
        self.link.tx, self.link.keepalive_s = bytearray(1024), 60
        self.backoff = Backoff(500, 300_000, lambda limit: 0)
        self.acks = True
        self.open = []
        self.sent = []  # (topic, document, retain)
        self.disconnects = 0
        self.on_ack = None  # called with each message that the broker has

    def set_callback(self, callback):
        self.cb = callback

    @property
    def has_room(self):
        return self.up.is_set() and len(self.open) < self.size

    def try_publish(self, topic, msg, retain, owner, ref):
        assert len(msg) + len(topic) + 7 <= len(self.link.tx), len(msg)
        self.open.append((owner, ref, topic, bytes(msg)))
        self.sent.append((topic.decode(), json.loads(msg), retain))
        return True

    async def disconnect(self):
        self.disconnects += 1

    def ack_all(self):
        while self.open:
            owner, ref, topic, message = self.open.pop(0)
            if self.on_ack:
                self.on_ack(topic.decode(), json.loads(message))
            owner.acked(ref)


class Sensor:
    """Counts how often it is asked."""

    points = (Datapoint("t", decimals=1),)

    def __init__(self):
        self.count = 0
        self.on_read = None

    async def read_into(self, reading):
        self.count += 1
        if self.on_read:
            self.on_read()
        reading.set("t", 21.5)


class Pin:
    """Notes what it is told."""

    OUT = IN = 1
    told = []

    def __init__(self, number, mode):
        if number > 40:
            raise ValueError("invalid pin")
        self.number = number

    def value(self, level):
        self.told.append((self.number, level))


class Status:
    def is_due(self):
        return False

    def forget(self):
        pass

    def document(self):
        return b"{}"

    attributes = document
