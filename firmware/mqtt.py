"""The broker session: one verified link at a time, a window of QoS 1 messages over all of them.

Session takes the place of umqtt.simple's MQTTClient (same constructor, will, callback), with
coroutines where that one blocks; client.py has the rest of its interface, which the agent does
not need. It keeps no messages: an owner gives them by reference, and is asked for the bytes again
when a resumed session wants them again. An owner has acked(ref), message(ref) -> (topic, bytes,
retain), and rewind(), which tells it that nothing of its is on the way any more.

A link ends by an error in any task; then it is closed, never reused, and run() opens another.
"""

import asyncio

from micropython import const
from umqtt.simple import MQTTClient

from firmware import transport, unload
from firmware.errors import LinkError
from firmware.window import Window

_TICK_MS = const(250)
# How long the first stage of a login may take, the last, and the longest; see login.py.
_DNS_MS = const(7_000)
_RESEND_MS = const(10_000)
_MOST_MS = const(10_000)
# A session that lived this long was a good one: the next failure starts at the short delays.
_STABLE_MS = const(30_000)
# What looks after a link says so more often than this.
_ALIVE_MS = const(60_000)


class Session(MQTTClient):
    present = False  # the broker had kept the session that the last login opened

    def __init__(
        self, client_id, server, port=0, user=None, password=None, keepalive=60, ssl=None, *,
        gate, resolve, clock, log, backoff, ready, doubted, window=16, tx_bytes=1024,
        rx_bytes=1024, contested=None
    ):  # fmt: skip
        """The first seven are MQTTClient's, of any version; ssl is a context, None in tests.

        gate()          coroutine, returns when it makes sense to try
        resolve(host)   coroutine, returns the address as text
        ready           Event, set when a message could be taken again
        doubted         Event, set when a certificate's dates do not fit the clock
        tx_bytes        as large may a packet be that is sent, with one copy of it in memory
        rx_bytes        and one that comes; a larger one is told of and thrown away
        contested       called with the event, type and metadata, that another client has our id
        """
        super().__init__(client_id, server, port, user, password, keepalive, ssl)
        self.up = asyncio.Event()
        self.retained = 0  # 1 while the callback is given a message that the broker had kept
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
        self.link = transport.Link(tx_bytes, rx_bytes, keepalive, clock, self._fail, self._stir)
        self.window = Window(window, self.link, clock, log, self, self._stir)
        self._tasks = ()
        self._fault = None  # what ended the link
        self.stage = "dns"  # what the link is doing, None while it is up
        self.refusals = 0  # logins in a row that the broker refused
        self.was_kicked = False  # the last link was closed by the broker while it worked
        self.kicks = []  # when that happened to a session that was had at once after such a link

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

    async def run(self):
        """Keep a link open, for ever. up is set while messages can be sent."""
        alive = self.clock.alive
        while True:
            try:
                alive("mqtt", None)
                await self.gate()
                alive("mqtt", _ALIVE_MS)
                await self.connect(False)
                await self._turned.wait()
            except Exception as exc:
                self._fault = exc
            finally:
                self._close()
            # The tasks of the link end, and what they have loaded goes, before more is loaded.
            await self.clock.sleep_ms(1)
            delay_ms = self.backoff.next_ms()
            try:
                delay_ms += self._judge()
            except Exception:  # no memory to say why: it comes back, and so has the link to
                pass
            alive("mqtt", delay_ms + _ALIVE_MS)
            await self.clock.sleep_ms(delay_ms)

    def _judge(self):
        """Log why the link has ended; return how much longer than usual to wait, in ms."""
        from firmware import verdict

        try:
            return verdict.judge(self, self._fault)
        finally:
            unload("verdict")

    async def connect(self, clean_session=True, timeout=None):
        """Open a link and log in; return True if the broker kept our session.

        The link is then read in a task of its own until it ends. timeout, in s, bounds each
        stage further. Raises what kept the link from being opened.
        """
        self._close()
        self._fault = None
        self._turned.clear()
        self._most_ms = 1000 * timeout if timeout else _MOST_MS
        self.begin("dns", _DNS_MS)
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
        return self.present

    async def disconnect(self):
        """Leave in good order: the broker will not publish the will."""
        if self.up.is_set():
            self.link.put_short(b"\xe0\x00")
            for _ in range(4):
                if self.link.unsent is not None:
                    await self.clock.sleep_ms(_TICK_MS)
        self._close()

    async def _live(self, clean):
        """Log in, then read until the link ends."""
        try:
            await self._log_in(clean)
            self.begin("resend", _RESEND_MS)
            await self._resume()
            self.log.info("session_up", resumed=self.present)
            self.begin(None, 0)
            self.logins += 1
            self.up.set()
            self._turned.set()
            self._stir()
            await self.link.read(self.window.take)
        except Exception as exc:
            self._fail(exc)

    async def _log_in(self, clean):
        from firmware import login

        try:
            await login.log_in(self, clean)
        finally:
            unload("login")

    async def _resume(self):
        from firmware import resuming

        try:
            await resuming.resume(self.window, self.present)
        finally:
            unload("resuming")

    async def _watch(self):
        """End a link that is late, be it in a stage of its login or afterwards."""
        clock, link, window = self.clock, self.link, self.window
        why = None
        try:
            while not why:
                await clock.sleep_ms(_TICK_MS)
                clock.alive("mqtt", _ALIVE_MS)
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

    def begin(self, stage, limit_ms):
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

    def _stir(self):
        self.ready.set()
        self.answered.set()
