"""The broker session: one verified link at a time, a window of QoS 1 messages over all of them.

Session takes the place of umqtt.simple's MQTTClient (same constructor, will, callback, method
names), with coroutines where that one blocks. It keeps no messages: an owner gives them by
reference, and is asked for the bytes again when a resumed session wants them again.

An owner has acked(ref), message(ref) -> (topic, bytes, retain) and rewind(), which tells it
that nothing of its is on the way any more.

A link ends by an error in any task; then it is closed, never reused, and run() opens another.
"""

import asyncio

from umqtt.simple import MQTTClient

from firmware import packet, transport
from firmware.errors import LinkError, RefusedError
from firmware.inbound import Inbound
from firmware.link import Link
from firmware.liveness import Liveness
from firmware.window import Ticket, Window

_DNS_MS = 8_000
_TCP_MS = 10_000
_TLS_MS = 20_000
_CONNACK_MS = 10_000
_TICK_MS = 100
# A session that lived this long was a good one: the next failure starts at the short delays.
_STABLE_MS = 30_000
# A refused login will be refused again: somebody has to change something first.
_REFUSED_MS = 300_000
_FAILURE = 0x80


class Session(MQTTClient):
    def __init__(
        self, client_id, server, port=0, user=None, password=None, keepalive=60, ssl=None, *,
        gate, resolve, clock, log, backoff, ready, doubted, window=16, buffer_bytes=1024
    ):  # fmt: skip
        """The first seven are MQTTClient's, of any version; ssl is a context, None in tests.

        gate()          coroutine, returns when it makes sense to try
        resolve(host)   coroutine, returns the address as text
        ready           Event, set when a message could be taken again
        doubted         Event, set when a certificate's dates do not fit the clock
        """
        super().__init__(client_id, server, port, user, password, keepalive, ssl)
        self.up = asyncio.Event()
        self.logins = 0  # how many links there have been, to tell a new one from the last
        self._gate = gate
        self._resolve = resolve
        self._clock = clock
        self._log = log
        self._backoff = backoff
        self._ready = ready
        self._doubted = doubted
        self._tx = memoryview(bytearray(buffer_bytes))
        self._rx = memoryview(bytearray(buffer_bytes))
        self._window = Window(window)
        self._link = None
        self._reader = None
        self._fault = None

    # What an owner calls.

    @property
    def has_room(self):
        """True when a message would be taken now."""
        return self.up.is_set() and self._link.is_free and not self._window.is_full

    def try_publish(self, topic, msg, retain, owner, ref):
        """Take one QoS 1 message if there is room now; tell whether it was taken.

        Raises RejectedError if it will never fit the buffer.
        """
        if not self.has_room:
            return False
        window = self._window
        packet_id = window.next_id()
        size = packet.publish_into(self._tx, topic, msg, retain, packet_id, False)
        if not len(window):
            self._progress = self._clock.ticks_ms()
        window.add(packet_id, owner, ref)
        self._link.put(size)
        return True

    async def publish(self, topic, msg, retain=False, qos=0):
        """Send one message; with QoS 1 return when the broker has acknowledged it."""
        if qos == 0:
            await self._free()
            self._link.put(packet.publish_into(self._tx, topic, msg, retain, 0, False))
            return
        ticket = Ticket(topic, msg, retain)
        while not ticket.is_done:
            if not ticket.is_sent:
                ticket.is_sent = self.try_publish(topic, msg, retain, ticket, None)
            await self._clock.sleep_ms(_TICK_MS)

    async def subscribe(self, topic, qos=0):
        """Subscribe to one filter; return the QoS granted. Raises LinkError if refused."""
        await self._free()
        granted = self._window.reserved
        packet_id = self._window.next_id()
        granted[packet_id] = None
        self._link.put(packet.subscribe_into(self._tx, topic, qos, packet_id))
        while granted[packet_id] is None and self.up.is_set():
            await self._clock.sleep_ms(_TICK_MS)
        code = granted.pop(packet_id)
        if code is None or code == _FAILURE:
            raise LinkError("link lost" if code is None else "subscription refused")
        return code

    # The life of a link.

    async def run(self):
        """Keep a link open, for ever. up is set while messages can be sent."""
        refusals = 0
        while True:
            started = None
            await self._gate()
            try:
                await self.connect(False)
                started = self._clock.ticks_ms()
                refusals = 0
                await self._serve()
            except (LinkError, OSError, ValueError, MemoryError) as exc:
                why = transport.why(exc)
                self._log.warn("session_failed", why=why)
                if why in ("tls:clock", "tls:expired"):
                    self._doubted.set()
                refusals = refusals + 1 if isinstance(exc, RefusedError) else 0
            finally:
                self._close()
            now = self._clock.ticks_ms()
            if started is not None and self._clock.ticks_diff(now, started) > _STABLE_MS:
                self._backoff.reset()
            delay_ms = self._backoff.next_ms()
            await self._clock.sleep_ms(_REFUSED_MS + delay_ms if refusals > 1 else delay_ms)

    async def connect(self, clean_session=True, timeout=None):
        """Open a link and log in; return True if the broker kept our session.

        timeout, in s, bounds each stage further. Raises LinkError, OSError or ValueError.
        """
        most_ms = 1000 * timeout if timeout else _TLS_MS
        address = await transport.within(min(most_ms, _DNS_MS), "dns", self._resolve(self.server))
        sock = await transport.within(
            min(most_ms, _TCP_MS), "tcp", transport.dial(address, self.port)
        )
        link = Link(sock, self._clock, self._tx, self._rx, self._fail, self._ready)
        self._link = link
        if self.ssl:
            link.sock = transport.secure(sock, self.ssl, self.server)
        will = self.lw_topic and (self.lw_topic, self.lw_msg, self.lw_qos, self.lw_retain)
        size = packet.connect_into(
            self._tx, self.client_id, self.user, self.pswd, self.keepalive, clean_session, will
        )
        # CONNECT is the write that drives the handshake; it leaves when the broker is verified.
        await transport.within(min(most_ms, _TLS_MS), "tls", link.send(self._tx[:size]))
        present = await transport.within(min(most_ms, _CONNACK_MS), "connack", self._connack())
        if clean_session and present:
            raise LinkError("protocol: session present")
        await transport.within(most_ms, "resend", self._resume(present))
        self._log.info("session_up", resumed=present)
        self.logins += 1
        self.up.set()
        self._ready.set()
        return present

    async def disconnect(self):
        """Leave in good order: the broker will not publish the will."""
        if self._link:
            await transport.within(1000, "disconnect", self._link.send(packet.DISCONNECT))
        self._close()

    def ping(self):
        self._link.put_short(packet.PINGREQ)

    async def _resume(self, present):
        """Send again what was not acknowledged, or hand it back if the session is a new one."""
        self._progress = self._clock.ticks_ms()
        if not present:
            self._window.rewind()
            return
        for packet_id, owner, ref in self._window:
            topic, msg, retain = owner.message(ref)
            size = packet.publish_into(self._tx, topic, msg, retain, packet_id, True)
            await self._link.send(self._tx[:size])

    async def _serve(self):
        """Read until the link ends; raise what ended it."""
        self._reader = asyncio.current_task()
        self._fault = None
        watch = asyncio.create_task(self._watch())
        try:
            inbound = Inbound(self._link, self._window, self._log, self._acked, self._deliver)
            await self._link.read(inbound.take)
        except asyncio.CancelledError:
            # Another task found the link dead and woke this one; else it is meant for us.
            if self._fault is None:
                raise
            raise self._fault
        finally:
            self._reader = None
            watch.cancel()

    async def _watch(self):
        liveness = Liveness(self._link, self.keepalive, self._clock.ticks_diff)
        while True:
            await self._clock.sleep_ms(_TICK_MS)
            self._link.push()
            since = self._progress if len(self._window) else None
            why = liveness.fault(self._clock.ticks_ms(), since, self.ping)
            if why:
                self._fail(LinkError(why))

    def _fail(self, exc):
        """End the link from whatever task found out: the reader raises exc."""
        if self._reader is None or self._fault is not None:
            return
        self._fault = exc
        if self._reader is asyncio.current_task():  # a task cannot cancel itself
            raise exc
        self._reader.cancel()

    def _close(self):
        self.up.clear()
        link, self._link = self._link, None
        if link:
            link.close()

    async def _free(self):
        while not self.up.is_set() or not self._link.is_free:
            await self._clock.sleep_ms(_TICK_MS)

    async def _connack(self):
        rx = self._rx
        have = 0
        while have < 4:
            have += await self._link.fill(have, 4)
        return packet.parse_connack(rx)

    def _acked(self):
        self._progress = self._clock.ticks_ms()
        self._ready.set()

    def _deliver(self, topic, msg):
        if self.cb:
            self.cb(topic, msg)
