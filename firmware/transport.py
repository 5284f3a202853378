"""One connection: opened and verified without holding up any task, and given up when it is dead.

What goes out goes whole and in order, what comes in is bounded by the buffer.
"""

import asyncio
import errno
import socket
from asyncio import core  # pyright: ignore[reportAttributeAccessIssue] - not in the stubs

import tls
from micropython import const

from firmware import packet
from firmware.errors import LinkError

_IPPROTO_TCP = const(6)
_TCP_NODELAY = const(1)
# Replies of a few bytes that may wait while a packet is stuck; more, and the peer is not reading.
_MAX_LATER = const(256)
_READS_PER_TURN = const(8)
PINGREQ = b"\xc0\x00"


def context(ca):
    """Return the only kind of TLS context there is: it verifies the broker, always.

    ca is the certificate to trust, DER or PEM. TLS 1.2 is the least that mbedTLS 3 offers.
    """
    made = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    made.verify_mode = tls.CERT_REQUIRED  # pyright: ignore[reportAttributeAccessIssue]
    made.load_verify_locations(ca)
    return made


class Link:
    """One socket at a time: open() and close() belong to the session, as does who calls what."""

    def __init__(self, tx_bytes, rx_bytes, keepalive_s, clock, failed, moved):
        """failed(exc) is told why the connection has ended, moved() that tx is free again."""
        self.tx = memoryview(bytearray(tx_bytes))
        self.rx = memoryview(bytearray(rx_bytes))
        self.keepalive_s = keepalive_s
        self.clock = clock
        self.failed = failed
        self.moved = moved
        self._sock = None
        self._drainer = None
        self.unsent = None  # what the socket did not take yet: nothing else goes before its end

    def open(self, address, port):
        """Begin to connect. Raises OSError; a refusal may only show at the first write."""
        self._pinged = None
        self._later = b""
        self._have = 0  # bytes in rx
        self._skip = 0  # bytes of a packet larger than rx that are still to come
        self.heard = self.told = self.clock.ticks_ms()  # when bytes last came and went
        self._sock = sock = socket.socket()
        sock.setblocking(False)
        try:
            # Without it the last piece of a packet waits for the peer's delayed ACK.
            sock.setsockopt(_IPPROTO_TCP, _TCP_NODELAY, 1)
        except OSError:  # not every port has the option; it saves time only
            pass
        try:
            sock.connect(socket.getaddrinfo(address, port)[0][-1])
        except OSError as exc:
            if exc.errno != errno.EINPROGRESS:
                raise

    def connected(self):
        """Awaitable: return when the peer has answered. (A generator is one in MicroPython.)"""
        yield core._io_queue.queue_write(self._sock)

    def secure(self, ssl, host):
        """Put TLS on it. Nothing is sent yet: the first write drives the handshake.

        ssl comes from context(); host is the name the certificate must have.
        """
        self._sock = ssl.wrap_socket(
            self._sock, server_hostname=host, do_handshake_on_connect=False
        )

    def close(self):
        """End it, whatever it is doing. It may be closed already."""
        if self._drainer:
            self._drainer.cancel()
            self._drainer = None
        sock, self._sock = self._sock, None
        if sock:
            try:
                sock.close()
            except Exception:  # the peer was faster, and this end is gone all the same
                pass

    def put(self, size):
        """Send the first size bytes of tx, now or as soon as the socket takes them.

        unsent has to be None: one packet has to be out before the next is written to tx.
        """
        self._send(self.tx, size)

    def put_short(self, data):
        """Send a reply of a few bytes, behind what is being sent."""
        if self.unsent is None:
            self._send(data, len(data))
        elif len(self._later) > _MAX_LATER:
            self.failed(LinkError("silent: not reading"))
        else:
            self._later += data

    async def drain(self):
        """Return when all that was put is with the socket."""
        if self._drainer:
            await self._drainer

    def _send(self, data, size):
        self.unsent = data
        self._at = 0
        self._size = size
        if not self._push() and not self._drainer:
            self._drainer = asyncio.create_task(self._drain())

    def _push(self):
        """Send on; return False if the socket takes no more for now."""
        try:
            while self.unsent is not None:
                # TLS has taken note of bytes it did not take: it gets the very same ones again.
                left = self._size - self._at
                count = self._sock.write(self.unsent, self._at, left)  # pyright: ignore[reportCallIssue]
                if not count:
                    return False
                self.told = self.clock.ticks_ms()
                self._at += count
                if self._at == self._size:
                    self.unsent = self._later or None
                    self._at = 0
                    self._size = len(self._later)
                    self._later = b""
        except Exception as exc:
            self.failed(exc)
        return True

    async def _drain(self):
        await self.connected()
        while not self._push():
            await self.connected()
        self._drainer = None
        self.moved()

    def read(self, handle):
        """Awaitable: call handle(at, body, end) for each packet, until it returns True.

        The packet is rx[at:end], body is where its fixed header ends. One that is larger than
        rx is given as far as it fits, with end beyond rx, and the rest of it is thrown away.
        Raises LinkError when the connection ends.
        """
        turns = 0
        while not self._split(handle):
            have = self._have
            count = self._sock.readinto(self.rx[have:] if have else self.rx)
            if count is None:
                yield core._io_queue.queue_read(self._sock)
                continue
            if count == 0:
                raise LinkError("closed")
            self.heard = self.clock.ticks_ms()
            self._have = have + count
            turns += 1
            if turns % _READS_PER_TURN == 0:  # a peer that floods does not own the loop
                yield from self.clock.sleep_ms(0)

    def _split(self, handle):
        """Hand over the whole packets in rx, keep the rest; return whether handle said True."""
        rx = self.rx
        have = self._have
        at = min(self._skip, have)
        self._skip -= at
        enough = False
        while at < have and not enough:
            bounds = packet.frame(rx, at, have)
            if bounds is None:
                break
            body, end = bounds
            if end > have and (end - at <= len(rx) or have - at < len(rx)):
                break  # the rest of it, or as much of it as will fit, is still to come
            enough = handle(at, body, end)
            self._skip = max(0, end - have)
            at = min(end, have)
        if 0 < at < have:
            rx[: have - at] = rx[at:have]
        self._have = have - at
        return enough

    def fault(self, now, since):
        """Return why the peer is dead, or None; ask it when it has been quiet.

        The socket is not trusted, it may stay open for ever. Sending alone proves nothing: a peer
        that is gone is noticed while publishing too. Hearing alone does not keep the broker
        content: it wants a packet from us within 1.5 times the keepalive.
        Source: MQTT 3.1.1, section 3.1.2.10.

        since is when the oldest open message began to wait for its answer, or None.
        """
        passed = self.clock.ticks_diff
        quiet_ms = self.keepalive_s * 500
        answer_ms = max(5000, quiet_ms // 2)  # as long as an answer may take
        if since is not None and passed(now, since) > answer_ms:
            return "silent: no PUBACK"
        if self.unsent is not None and passed(now, self.told) > answer_ms:
            return "silent: not reading"
        if self._pinged is not None:
            if passed(self.heard, self._pinged) < 0:
                return "silent: no PINGRESP" if passed(now, self._pinged) > answer_ms else None
            self._pinged = None
        # The peer is asked after half the keepalive, and hears of us after three quarters of it.
        if passed(now, self.heard) > quiet_ms or passed(now, self.told) > quiet_ms * 3 // 2:
            self._pinged = now
            self.put_short(PINGREQ)
        return None
