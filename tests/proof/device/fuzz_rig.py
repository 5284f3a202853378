"""A session whose bytes are handed to it: in any state, piece by piece, without a loop.

Everything it does with them is noted, and compared with what fuzz_model.py says of the same bytes.
"""

import asyncio
import random
from asyncio import core

import fuzz_packets
from fuzz_model import Model
from session_story import Session

from fakes.strict_broker import framed, text
from firmware import inbound, login, packet, resuming, transport
from firmware.backoff import Backoff
from firmware.errors import LinkError
from firmware.log import Log, Root

STATES = ("login", "idle", "window", "subscribing", "large", "resumed")
BUFFERS = (160, 420)
# What lies behind the bytes that came: nobody may read it, and it would show.
POISON = b"\x40\x02\x00\x01\x40\x02\x00\x02\x30\x03\x00\x01p"
# As it is, whatever is planted.
_frame = packet.frame


class Feed:
    """A socket that gives what it was told to, piece by piece, and keeps what it is given."""

    def __init__(self):
        self.pieces = []
        self.written = bytearray()
        self.is_closed = self.is_dry = False
        self.reads = 0

    def setblocking(self, _flag):
        pass

    def setsockopt(self, *_):
        pass

    def connect(self, _address):
        pass

    def write(self, data, at, size):
        self.written.extend(data[at : at + size])
        return size

    def readinto(self, buf):
        assert not self.is_closed and len(buf)
        self.reads += 1
        self.is_dry = not self.pieces
        if self.is_dry:
            return None
        piece = self.pieces[0]
        count = min(len(buf), len(piece))
        buf[:count] = piece[:count]
        more = min(len(buf) - count, len(POISON))
        buf[count : count + more] = POISON[:more]
        if count == len(piece):
            self.pieces.pop(0)
        else:
            self.pieces[0] = piece[count:]
        return count

    def close(self):
        self.is_closed = True


class Feeds:
    """In place of the module socket, and of the poller."""

    def socket(self):
        self.last = Feed()
        return self.last

    def getaddrinfo(self, host, port):
        return [(2, 1, 6, "", (host, port))]

    def queue_read(self, _sock):
        pass


class StillClock:
    def ticks_ms(self):
        return 0

    def ticks_diff(self, end, start):
        return end - start

    def sleep_ms(self, _ms):
        yield

    def alive(self, _name, _within_ms):
        pass


class Recorder:
    """Owner and callback: notes what the session tells them."""

    def __init__(self):
        self.events = []
        self.number = 0

    def message(self, ref):
        return b"d/telemetry", b"r%d" % ref, False

    def acked(self, ref):
        self.events.append(("ack", ref))

    def rewind(self):
        self.events.append(("rewind",))

    def handle(self, topic, message):
        self.events.append(("message", topic, message))
        # One that cannot be handled must not stop anything.
        if message is not None and len(message) == 20:
            raise ValueError("20 bytes")


async def nowhere(*_):
    return "192.0.2.1"


def a_session(recorder, clock, size, lines, **options):
    """Return a session in which the recorder is told everything."""
    session = Session(
        b"d", "broker.test", 1883, b"u", b"p", 10, None, gate=nowhere, resolve=nowhere,
        clock=clock, log=Log("mqtt", Root(lambda: 0, "E", lines.append)),
        backoff=Backoff(500, 4000, lambda limit: limit // 2), ready=asyncio.Event(),
        doubted=asyncio.Event(), window=4, tx_bytes=size, rx_bytes=size, **options
    )  # fmt: skip
    session.set_callback(recorder.handle)
    return session


def sent(data):
    """Return [(first byte, body)] for the packets of a client, and what is left behind them."""
    packets = []
    at = 0
    while at < len(data):
        bounds = _frame(data, at, len(data))
        if bounds is None or bounds[1] > len(data):
            break
        packets.append((data[at], bytes(data[bounds[0] : bounds[1]])))
        at = bounds[1]
    return packets, data[at:]


def publish_id(body):
    at = 2 + (body[0] << 8 | body[1])
    return body[at] << 8 | body[at + 1]


class Direct:
    """A session whose bytes are handed to it, one link after the other."""

    def __init__(self, size):
        self.size = size
        self.recorder = Recorder()
        self.feeds = transport.socket = core._io_queue = Feeds()
        self.session = a_session(self.recorder, StillClock(), size, [])
        self.session.up.set()
        self.model = Model(size)

    def open(self, state):
        """Begin a link in this state; return what is to be fed before anything else."""
        session, model = self.session, self.model
        present = state == "resumed" or random.randrange(2) == 1
        session.link.open("192.0.2.1", 1883)
        self.feed = self.feeds.last
        model.connected(state != "login")
        self.asked = []
        if state == "login":
            self.reader = session.link.read(self.connack)
            return b""
        if not present:
            model.forget()
        self.resume(present)
        self.reader = session.link.read(session.window.take)
        if state == "subscribing":  # two callers want the same
            inbound.subscribe(session.window, b"d/commands", 1)
            inbound.subscribe(session.window, b"d/commands", 0)
        if state == "window":
            while session.has_room:
                self.publish()
        self.learn()
        return self.prefix(state)

    def prefix(self, state):
        model = self.model
        if state == "idle":
            return b"".join([framed(0x40, bytes((i >> 8, i & 255))) for i in model.open])
        if state == "large":
            total = self.size + random.randrange(1, 700)
            data = framed(0x30, text(b"d/large") + b"l" * total)
            left = random.choice((0, 1, random.randrange(1, 300)))
            return data[: len(data) - left]
        if state == "resumed":
            again = [fuzz_packets.publish(b"d/c", b"again", i, 8) for i in (1, 2, 1)]
            return b"".join(again)
        return b""

    def connack(self, at, body, end):
        session = self.session
        session.present = login.parse_connack(session.link.rx, at, body, end)
        return True

    def publish(self):
        self.recorder.number += 1
        owner, ref = self.recorder, self.recorder.number
        topic, message, retain = owner.message(ref)
        assert self.session.try_publish(topic, message, retain, owner, ref)

    def resume(self, present):
        coroutine = resuming.resume(self.session.window, present)
        try:
            coroutine.send(None)
        except StopIteration:
            return
        raise AssertionError("it waits for a socket that takes all")

    def learn(self):
        """Take note of the messages and subscriptions that are under way."""
        window = self.session.window
        self.asked = list(window.asked)
        refs = list(window.refs)
        for number, packet_id in enumerate(window.ids):
            assert 1 <= packet_id <= 65535
            self.model.open[packet_id] = refs[number]

    @property
    def ids(self):
        return list(self.model.open) + self.asked

    def play(self, stream):
        """Let the bytes come; return what was wrong with what the session made of them."""
        self.feed.pieces = fuzz_packets.pieces(stream)
        ended = None
        try:
            self.step()
        except LinkError:
            ended = "closed"
        except Exception as exc:  # the link would end with it, but nothing may be this surprising
            ended = repr(exc)
        wrong = self.differences(ended)
        self.session.link.close()
        return wrong

    def step(self):
        while True:
            try:
                self.reader.send(None)
            except StopIteration:
                self.resume(self.session.present)
                self.reader = self.session.link.read(self.session.window.take)
                continue
            if self.feed.is_dry:
                return

    def differences(self, ended):
        model, recorder = self.model, self.recorder
        wrong = []
        expected = "closed" if model.error else None
        if ended != expected:
            wrong.append("ended %s, not %s (%s)" % (ended, expected, model.error))
        if recorder.events != model.events:
            wrong.append("told %s, not %s" % (recorder.events[-3:], model.events[-3:]))
        packets, torn = sent(self.feed.written)
        acks = [body[0] << 8 | body[1] for first, body in packets if first == 0x40]
        if torn:
            wrong.append("a torn packet was sent")
        if acks != model.replies:
            wrong.append("acknowledged %s, not %s" % (acks[-3:], model.replies[-3:]))
        for number in self.asked:
            if (number in self.session.window.asked) == (number in model.answered):
                wrong.append("subscription %d" % number)
        if sorted(self.session.window.ids) != sorted(model.open):
            wrong.append("open %s, not %s" % (self.session.window.ids, list(model.open)))
        recorder.events, model.events, model.replies = [], [], []
        return wrong
