"""One story of the broker session, from login to leaving, on a network that can be made to fail.

The agent's own session runs on virtual time against a broker in the same process: it subscribes,
publishes with a window, gets messages, pings while idle, and leaves. Whatever happens to it on the
way, the checks at the end are the same.
"""

import asyncio
import json
import sys

sys.path[:] = [".frozen", ".", "lib", "tests", "tests/proof/device"]

from fakes.flaky_socket import Net
from fakes.strict_broker import StrictBroker
from fakes.virtual import Stuck, VirtualTime
from firmware import transport
from firmware.backoff import Backoff
from firmware.client import Client as Session
from firmware.log import Log, Root

WINDOW = 4
READINGS = 22
GREETING = b"hello"
EVENT = b"one"
# So many readings arrived, and this message comes then.
PUSHES = {6: b"first", 14: b"second"}


class Owner:
    """Gives readings to a session, oldest first, until each is acknowledged."""

    def __init__(self, count=READINGS):
        self.queue = list(range(count))
        self.flying = []
        self.acked_ids = []
        self.unknown_acks = 0

    def message(self, ref):
        return b"d/telemetry", b'{"n":%d,"v":21.5}' % ref, False

    def acked(self, ref):
        if ref in self.flying:
            self.flying.remove(ref)
            self.acked_ids.append(ref)
        else:
            self.unknown_acks += 1

    def rewind(self):
        self.queue = sorted(self.flying + self.queue)
        self.flying = []

    def offer(self, session):
        """Let the session have as many as it takes."""
        while self.queue and session.has_room:
            ref = self.queue[0]
            topic, message, retain = self.message(ref)
            # It may end the link and hand everything back before it returns.
            self.flying.append(self.queue.pop(0))
            if not session.try_publish(topic, message, retain, self, ref):
                self.flying.remove(ref)
                self.queue.insert(0, ref)
                return

    @property
    def is_done(self):
        return not self.queue and not self.flying


class Story:
    def __init__(
        self, remembers=True, is_tls=False, grain=0, session=Session, readings=READINGS,
        limit_ms=1_800_000
    ):  # fmt: skip
        """Make all parts; session is the class under test, or one with a fault planted."""
        self.time = VirtualTime(limit_ms)
        self.broker = StrictBroker(self.time, remembers, greets=GREETING, pushes=PUSHES)
        self.net = Net(self.time, self.broker, is_tls, grain)
        self.owner = Owner(readings)
        self.handled = []
        self.lines = []
        self.ready = asyncio.Event()
        self.task = None
        self.callers = []  # tasks that wait for the session to publish
        self._has_left = False
        transport.socket = self.net
        self.session = session(
            b"d", "broker.test", 8883 if is_tls else 1883, b"u", b"p", 10,
            self.net if is_tls else None, gate=self._gate, resolve=self._resolve, clock=self.time,
            log=Log("mqtt", Root(lambda: self.time.passed_ms, "D", self.lines.append)),
            backoff=Backoff(500, 4000, lambda limit: limit // 2), ready=self.ready,
            doubted=asyncio.Event(), window=WINDOW, tx_bytes=160, rx_bytes=160
        )  # fmt: skip
        self.session.set_callback(lambda topic, msg: self.handled.append(msg))
        self.session.set_last_will(b"d/status", b"offline", True, 1)

    async def _gate(self):
        self.net.call("gate")

    async def _resolve(self, _host):
        self.net.call("resolve")
        await self.time.sleep_ms(5)
        return "192.0.2.1"

    def start(self):
        self.task = asyncio.create_task(self.session.run())

    async def stop(self):
        """End run() as the agent does, and let all that ends with it end."""
        self.task.cancel()
        await self.ended()
        await self.time.sleep_ms(10)

    async def ended(self):
        """Return when run() has ended, and what it ended with was the cancelling."""
        try:
            await self.task
        except asyncio.CancelledError:
            pass

    async def play(self):
        """Do everything there is to do, whatever the network does."""
        await self.session.subscribe(b"d/commands", 1)
        publishing = asyncio.create_task(self.session.publish(b"d/events", EVENT, False, 1))
        self.callers.append(publishing)
        while not self.owner.is_done:
            self.owner.offer(self.session)
            self.ready.clear()
            await self.ready.wait()
        await publishing
        while self.broker.is_owed or not self.broker.pings:
            await self.time.sleep_ms(500)

    async def leave(self):
        await self.session.disconnect()
        self._has_left = True

    async def whole(self):
        self.start()
        await self.play()
        await self.leave()
        await self.stop()

    def tell(self, main=None):
        """Run main, or else whole(); return what was wrong."""
        try:
            self.time.run(main or self.whole())
        except Stuck as stuck:
            return ["stuck: %s" % stuck] + self.faults()
        except Exception as exc:  # somebody who called the session got it
            return ["raised %r" % exc] + self.faults()
        return self.faults() + self.leftovers() + self.omissions()

    def faults(self):
        """Return what must never be, however far the story came."""
        wrong = list(self.net.misuse) + list(self.broker.complaints)
        wrong += ["not taken by any task: %r" % exc for exc in self.time.unhandled]
        if self.owner.unknown_acks:
            wrong.append("%d acknowledgements of what was not open" % self.owner.unknown_acks)
        if len(set(self.owner.acked_ids)) != len(self.owner.acked_ids):
            wrong.append("a reading was acknowledged twice")
        got = set(self.broker.received)
        for ref in self.owner.acked_ids:
            if self.owner.message(ref)[1] not in got:
                wrong.append("reading %d acknowledged and not there" % ref)
        again = len(self.broker.received) - len(got)
        if again > WINDOW * max(0, len(self.net.socks) - 1):
            wrong.append("%d duplicates over %d links" % (again, len(self.net.socks)))
        if self.task is not None and self.task.done() and not self._has_left:
            wrong.append("run() ended by itself")
        return wrong

    def leftovers(self, others=()):
        """Return what is not as it has to be when run() has ended; others are tasks of a test."""
        wrong = []
        if self.net.unclosed:
            wrong.append("%d sockets not closed" % self.net.unclosed)
        alive = [task for task in self.time.tasks if task not in others and not task.done()]
        if alive:
            wrong.append("%d tasks left" % len(alive))
        return wrong

    def omissions(self):
        """Return what was not done by the end."""
        wrong = []
        if not self.owner.is_done:
            wrong.append("%d readings left" % len(self.owner.queue + self.owner.flying))
        if EVENT not in self.broker.received:
            wrong.append("the event did not arrive")
        if self.time.idle:
            wrong.append("%d tasks wait for ever" % self.time.idle)
        # A broker that keeps the session has each message handled once, others some of them. The
        # greeting comes with each subscription.
        most = {GREETING: self.broker.subscribes}
        for message in [GREETING] + list(PUSHES.values()):
            count = self.handled.count(message)
            if self.broker.remembers and not 1 <= count <= most.get(message, 1):
                wrong.append("%s handled %d times" % (message.decode(), count))
        if not self.handled:
            wrong.append("no message handled")
        return wrong


# Whether the broker keeps the session, TLS, how many bytes a socket takes at once.
KINDS = [(remembers, tls, grain) for remembers in (True, False) for tls in (False, True)
         for grain in (0, 9)]  # fmt: skip


class Tally:
    """What a driver tells: how much it tried, and the first failures."""

    def __init__(self, most=100):
        """Be over after so many failures."""
        self.tried = self.failed = 0
        self.failures = []
        self._most = most

    @property
    def is_over(self):
        return self.failed >= self._most

    def add(self, name, wrong):
        self.tried += 1
        if wrong:
            self.failed += 1
            if len(self.failures) < 5:
                self.failures.append("%s: %s" % (name, "; ".join(wrong[:4])))

    def tell(self, planted):
        """Print it as the one line that a suite reads."""
        print(json.dumps({
            "tried": self.tried, "failed": self.failed, "failures": self.failures,
            "caught": planted,
        }))  # fmt: skip
