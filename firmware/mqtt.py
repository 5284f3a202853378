"""The broker session: one verified link at a time, a window of QoS 1 messages over all of them.

Session takes the place of umqtt.simple's MQTTClient (same constructor, will, callback, method
names), with coroutines where that one blocks. It keeps no messages: an owner gives them by
reference, and is asked for the bytes again when a resumed session wants them again. An owner has
acked(ref), message(ref) -> (topic, bytes, retain), and rewind(), which tells it that nothing of
its is on the way any more.

A link ends by an error in any task; then it is closed, never reused, and run() opens another.
"""

import asyncio

from micropython import const
from umqtt.simple import MQTTClient

from firmware import packet, transport
from firmware.errors import LinkError
from firmware.window import Window

_TICK_MS = const(250)
# How long each stage of a login may take; with the ticks no more than 30 s in all.
_DNS_MS = const(7_000)
_TCP_MS = const(6_000)
_TLS_MS = const(10_000)
_CONNACK_MS = const(6_000)
# A session that lived this long was a good one: the next failure starts at the short delays.
_STABLE_MS = const(30_000)
# A login that was refused twice will be refused again until somebody changes something; and a
# session that the broker closed so often within this time is one that another client takes.
_LONG_MS = const(300_000)


class Session(MQTTClient):
    def __init__(
        self, client_id, server, port=0, user=None, password=None, keepalive=60, ssl=None, *,
        gate, resolve, clock, log, backoff, ready, doubted, window=16, buffer_bytes=1024,
        contested=None
    ):  # fmt: skip
        """The first seven are MQTTClient's, of any version; ssl is a context, None in tests.

        gate()          coroutine, returns when it makes sense to try
        resolve(host)   coroutine, returns the address as text
        ready           Event, set when a message could be taken again
        doubted         Event, set when a certificate's dates do not fit the clock
        contested       called with the event, type and metadata, that another client has our id
        """
        super().__init__(client_id, server, port, user, password, keepalive, ssl)
        self.up = asyncio.Event()
        self.logins = 0  # how many links there have been, to tell a new one from the last
        self.gate = gate
        self.resolve = resolve
        self.clock = clock
        self.log = log
        self.backoff = backoff
        self.ready = ready
        self.doubted = doubted
        self.contested = contested
        self.answered = asyncio.Event()  # who waits for an answer or for room looks again
        self._turned = asyncio.Event()  # the link is up, or it has ended
        self.link = transport.Link(buffer_bytes, keepalive, clock, self._fail, self._stir)
        self.window = Window(window, self.link, clock, log, self, self._stir)
        self._tasks = ()
        self._fault = None  # what ended the link
        self.stage = "dns"  # what the link is doing, None while it is up
        self._refusals = 0
        self._was_kicked = False  # the last link was closed by the broker while it worked
        self._kicks = []  # when that happened to a session that was had at once after such a link

    @property
    def has_room(self):
        """True when a message would be taken now."""
        window = self.window
        return self.up.is_set() and self.link.unsent is None and len(window.ids) < window.size

    def try_publish(self, topic, msg, retain, owner, ref):
        """Take one QoS 1 message if there is room now; tell whether it was taken.

        Raises RejectedError if it will never fit the buffer.
        """
        if not self.has_room:
            return False
        self.window.publish(topic, msg, retain, owner, ref)
        return True

    async def publish(self, topic, msg, retain=False, qos=0):
        """Send one message; with QoS 1 return when the broker has acknowledged it."""
        from firmware import waiting

        await waiting.publish(self, topic, msg, retain, qos)

    async def subscribe(self, topic, qos=0):
        """Subscribe to one filter, now and in every new session; return the QoS granted.

        Raises LinkError if the broker refuses it. A lost link does not end the wait.
        """
        from firmware import waiting

        return await waiting.subscribe(self, topic, qos)

    async def run(self):
        """Keep a link open, for ever. up is set while messages can be sent."""
        while True:
            try:
                await self.gate()
                await self.connect(False)
                await self._turned.wait()
            except Exception as exc:
                self._fault = exc
            finally:
                self._close()
            delay_ms = self.backoff.next_ms()
            try:
                delay_ms += self._judge(transport.why(self._fault))
            except Exception:  # no memory to say why: it comes back, and so has the link to
                pass
            await self.clock.sleep_ms(delay_ms)

    async def connect(self, clean_session=True, timeout=None):
        """Open a link and log in; return True if the broker kept our session.

        The link is then read in a task of its own until it ends. timeout, in s, bounds each
        stage further. Raises what kept the link from being opened.
        """
        self._close()
        self._fault = None
        self._turned.clear()
        self._most_ms = 1000 * timeout if timeout else _TLS_MS
        self._begin("dns", _DNS_MS)
        self._tasks = (
            asyncio.create_task(self._live(clean_session)),
            asyncio.create_task(self._watch()),
        )
        try:
            await self._turned.wait()
        finally:
            if not self.up.is_set():
                self._close()
        self._turned.clear()
        if self._fault:
            raise self._fault
        return self._present

    async def disconnect(self):
        """Leave in good order: the broker will not publish the will."""
        if self.up.is_set():
            self.link.put_short(b"\xe0\x00")
            for _ in range(4):
                if self.link.unsent is not None:
                    await self.clock.sleep_ms(_TICK_MS)
        self._close()

    def ping(self):
        self.link.put_short(transport.PINGREQ)

    async def _live(self, clean):
        """Log in, then read until the link ends."""
        link = self.link
        try:
            address = await self.resolve(self.server)
            self._begin("tcp", _TCP_MS)
            link.open(address, self.port)
            await link.connected()
            self._begin("tls", _TLS_MS)
            if self.ssl:
                link.secure(self.ssl, self.server)
            # CONNECT is the write that drives the handshake, and leaves after it.
            link.put(packet.connect_into(link.tx, self, clean))
            await link.drain()
            self._begin("connack", _CONNACK_MS)
            await link.read(self._connack)
            if clean and self._present:
                raise LinkError("protocol: session present")
            self._begin("resend", _TLS_MS)
            await self.window.resume(self._present)
            self.log.info("session_up", resumed=self._present)
            self._begin(None, 0)
            self.logins += 1
            self.up.set()
            self._turned.set()
            self._stir()
            await link.read(self.window.take)
        except Exception as exc:
            self._fail(exc)

    def _connack(self, at, body, end):
        self._present = packet.parse_connack(self.link.rx, at, body, end)
        return True

    async def _watch(self):
        """End a link that is late, be it in a stage of its login or afterwards."""
        clock, link, window = self.clock, self.link, self.window
        why = None
        try:
            while not why:
                await clock.sleep_ms(_TICK_MS)
                now = clock.ticks_ms()
                passed_ms = clock.ticks_diff(now, self.since)
                if not self.stage:
                    if passed_ms > _STABLE_MS:
                        self.backoff.reset()
                    waits = window.ids or window.asked
                    why = link.fault(now, window.since if waits else None)
                elif passed_ms > self._limit_ms:
                    why = self.stage + ":timeout"
            raise LinkError(why)
        except Exception as exc:
            self._fail(exc)

    def _begin(self, stage, limit_ms):
        """Note what the link does from now on: a stage of its login, or None once it is up."""
        self.stage = stage
        self._limit_ms = min(limit_ms, self._most_ms)
        self.since = self.clock.ticks_ms()

    def _fail(self, exc):
        """Have the link ended, from whatever task found out why."""
        if self._fault is None:
            self._fault = exc
        self.up.clear()
        self._turned.set()

    def _close(self):
        self._fail(LinkError("disconnected"))
        for task in self._tasks:
            task.cancel()
        self._tasks = ()
        self.link.close()

    def _judge(self, why):
        """Say why the link has ended; return how much longer than usual to wait after that."""
        self.log.warn("session_failed", why=why)
        if why in ("tls:clock", "tls:expired"):
            self.doubted.set()
        self._refusals = self._refusals + 1 if why.startswith("auth:") else 0
        was_kicked = self._was_kicked
        self._was_kicked = self.stage is None and why in ("closed", "tcp:ECONNRESET")
        if was_kicked and self._was_kicked:
            clock, kicks, now = self.clock, self._kicks, self.clock.ticks_ms()
            kicks.append(now)
            if len(kicks) > 2 and 0 <= clock.ticks_diff(now, kicks.pop(0)) <= _LONG_MS:
                self.log.error("session_contested")
                if self.contested:
                    self.contested("session_contested", {})
                return self.backoff.max_ms
        return _LONG_MS if self._refusals > 1 else 0

    def _stir(self):
        self.ready.set()
        self.answered.set()
