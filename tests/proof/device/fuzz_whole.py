"""The fuzzing of session_fuzz.py through run(): a broker that says what it likes, on virtual time.

What it says goes through the model at the moment the session reads it, so that both have seen the
same bytes, and both must have made the same of them.
"""

import asyncio
import gc
import random

import fuzz_packets
from fuzz_model import Model
from fuzz_rig import BUFFERS, STATES, Recorder, a_session, publish_id, sent

from fakes.flaky_socket import Net, Sock
from fakes.virtual import Stuck, VirtualTime
from firmware import transport
from firmware.errors import LinkError

LINKS = 30  # of one session
HEAP_SLACK = 40_000
# A link with an error is closed within this time.
CLOSE_MS = 1_000


class Watched(Sock):
    """Shows the model each byte that is read."""

    def readinto(self, buf):
        # What lies behind a CONNACK is dealt with after the sending again, but for the model.
        if not self._net.broker.model.is_in:
            buf = buf[:4]
        count = super().readinto(buf)
        if count:
            self._net.broker.was_read(self, bytes(buf[:count]))
        return count


class WatchedNet(Net):
    def socket(self):
        sock = Watched(self, None)
        self.socks = [sock]
        self.links += 1
        return sock

    links = 0


class Babbler:
    """A broker: mostly logs in, acknowledges some, and sends whatever comes to its mind."""

    latency_ms = 5

    def __init__(self, time, size, counts):
        self.time = time
        self.model = Model(size)
        self.size = size
        self.counts = counts
        self.sock = None
        self.ended_ms = None
        self.wrong = []
        self.replies = []
        self.stream = b""
        self.written = b""

    def feed(self, sock, data):
        if sock is not self.sock:
            self.sock = sock
            self.model.connected(False)
            self.ended_ms = None
            self.stream = self.written = b""
            self.is_resumed = False
            self.asked = []
            self.replies = []
            self.model.replies = []
            self.time.at(1, self.babble)
        self.written += data
        packets, self.written = sent(self.written)
        for first, body in packets:
            if first == 0x40:
                self.replies.append(body[0] << 8 | body[1])
            elif first & 0xF2 == 0x32:
                self.note(first, body)
            elif first == 0x82:
                self.asked.append(body[0] << 8 | body[1])
                if random.randrange(4):
                    self.say(b"\x90\x03" + body[:2] + b"\x01")

    def note(self, first, body):
        """Take note of a message; one that is sent again may not have come the first time."""
        packet_id = publish_id(body)
        at = 4 + (body[0] << 8 | body[1])
        ref = int(body[at + 1 :])
        if packet_id in self.model.open and (self.model.open[packet_id] != ref or not first & 8):
            self.wrong.append("id %d in use twice" % packet_id)
        self.model.open[packet_id] = ref

    def babble(self):
        """Say something now and again for as long as the link lives."""
        sock = self.sock
        if sock is None or sock.is_closed:
            return
        if self.model.error or self.counts.tried > self.most:
            if random.randrange(3) == 0:
                sock.hang_up()
            return
        if not self.stream and random.randrange(8):
            self.is_resumed = random.randrange(2) == 1
            data = b"\x20\x02" + bytes((self.is_resumed, 0))
        else:
            state = self.state()
            kind = random.getrandbits(4)
            data = fuzz_packets.draw(kind, list(self.model.open) + self.asked, self.size)
            self.counts.add(state, kind)
        self.say(data)
        if random.randrange(2):
            self.time.at(random.randrange(1, 40), self.babble)
        else:
            self.babble()

    def say(self, data):
        self.stream += data
        for piece in fuzz_packets.pieces(data):
            self.sock.deliver(piece)

    def state(self):
        """Return the number of the state that the session is in, as the model sees it."""
        if not self.model.is_in:
            name = "login"
        elif self.model.is_amid:
            name = "large"
        elif any(one not in self.model.answered for one in self.asked):
            name = "subscribing"
        elif self.is_resumed:
            name = "resumed"
        else:
            name = "window" if self.model.open else "idle"
        return STATES.index(name)

    def was_read(self, sock, data):
        if sock is self.sock:
            if self.model.error:
                self.wrong.append("read behind an error")
            self.model.feed(data)
            if self.model.error:
                self.ended_ms = self.time.passed_ms

    def lost(self, sock):
        """Compare what the session made of a link with what it should have."""
        if sock is not self.sock:
            return
        self.sock = None
        if self.ended_ms is not None and self.time.passed_ms > self.ended_ms + CLOSE_MS:
            self.wrong.append("closed late")
        # The last answers may not have been taken any more.
        if self.replies != self.model.replies[: len(self.replies)]:
            self.wrong.append("acknowledged %s, not %s" % (self.replies, self.model.replies))


class Whole:
    def __init__(self, size, counts, most):
        self.counts = counts
        self.time = VirtualTime(limit_ms=1 << 29)
        self.broker = Babbler(self.time, size, counts)
        self.broker.most = most
        self.net = WatchedNet(self.time, self.broker, False, random.choice((0, 0, 30)))
        transport.socket = self.net
        self.recorder = Recorder()
        self.lines = []
        self.session = a_session(self.recorder, self.time, size, self.lines)

    async def main(self):
        tasks = [asyncio.create_task(one) for one in (self.session.run(), self.subscribe())]
        while self.net.links < LINKS and self.counts.tried < self.broker.most:
            await self.time.sleep_ms(random.choice((5, 50, 1000)))
            self.publish()
            if tasks[0].done():
                self.broker.wrong.append("run() ended")
                break
        for task in tasks:
            task.cancel()
        await self.time.sleep_ms(10)

    async def subscribe(self):
        while True:
            try:
                await self.session.subscribe(b"d/commands", 1)
            except LinkError:  # refused
                pass
            await self.time.sleep_ms(5_000)

    def publish(self):
        owner = self.recorder
        for _ in range(random.randrange(5)):
            ref = owner.number + 1
            topic, message, retain = owner.message(ref)
            if self.session.try_publish(topic, message, retain, owner, ref):
                owner.number = ref

    def play(self):
        """Return what was wrong."""
        try:
            self.time.run(self.main())
        except Stuck as stuck:
            self.broker.wrong.append("stuck: %s" % stuck)
        wrong = self.broker.wrong + self.net.misuse
        wrong += ["not taken: %r" % exc for exc in self.time.unhandled]
        usual = ("message_failed", "session_contested")
        wrong += [line for line in self.lines if line.split()[3] not in usual]
        if self.recorder.events != self.broker.model.events:
            wrong.append("told %d events, not %d" % (
                len(self.recorder.events), len(self.broker.model.events)
            ))  # fmt: skip
        alive = len([task for task in self.time.tasks if not task.done()])
        if alive or self.net.unclosed:
            wrong.append("%d tasks, %d sockets left" % (alive, self.net.unclosed))
        return wrong


def sweep(packets, counts):
    gc.collect()
    base = None
    sessions = 0
    while counts.tried < packets and not counts.is_over:
        gc.collect()
        if sessions == 3:
            base = gc.mem_alloc()
        if base and gc.mem_alloc() > base + HEAP_SLACK:
            counts.blame("heap", b"", ["%d bytes more" % (gc.mem_alloc() - base)])
        sessions += 1
        whole = Whole(BUFFERS[sessions % len(BUFFERS)], counts, packets)
        wrong = whole.play()
        if wrong:
            counts.blame("whole", whole.broker.stream, wrong)
        whole = None
