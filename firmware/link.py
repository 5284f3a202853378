"""The bytes of one connection: what goes out goes whole and in order, what comes in is bounded."""

from firmware import packet, transport
from firmware.errors import LinkError

# Replies of a few bytes that may wait while a packet is stuck; more, and the peer is not reading.
_MAX_LATER = 256
_READS_PER_TURN = 8


class Link:
    def __init__(self, sock, clock, tx, rx, failed, ready):
        """Take over a connected socket.

        tx, rx      memoryviews, kept by the caller from link to link
        failed(exc) called when a write ends the connection
        ready       Event, set when the next packet can be put
        """
        self.sock = sock
        self.tx = tx
        self.rx = rx
        self._clock = clock
        self._failed = failed
        self._ready = ready
        self._unsent = None  # what the socket did not take yet: exactly these bytes come next
        self._later = bytearray()
        self._skip = 0  # bytes of a packet larger than rx that are still to come
        self.heard = self.told = clock.ticks_ms()  # when bytes last came and went

    @property
    def is_free(self):
        return self._unsent is None

    async def send(self, view):
        """Send while nobody else does: before the session is up, or after it."""
        while True:
            count = self.sock.write(view)
            if count is None:  # TLS has taken note of these bytes: the same ones again
                await transport.writable(self.sock)
            elif count == len(view):
                return
            else:
                view = view[count:]

    def put(self, size):
        """Send the first size bytes of tx, now or as soon as the socket takes them."""
        self._unsent = self.tx[:size]
        self.push()

    def put_short(self, data):
        """Send a reply of a few bytes, behind what is being sent."""
        if self._unsent is None:
            self._unsent = data
            self.push()
        elif len(self._later) > _MAX_LATER:
            self._failed(LinkError("silent: not reading"))
        else:
            self._later.extend(data)

    def push(self):
        """Try again to send what waits."""
        try:
            while self._unsent is not None:
                count = self.sock.write(self._unsent)
                if count is None:
                    return
                self.told = self._clock.ticks_ms()
                if count < len(self._unsent):
                    self._unsent = self._unsent[count:]
                elif self._later:
                    self._unsent, self._later = bytes(self._later), bytearray()
                else:
                    self._unsent = None
                    self._ready.set()
        except (OSError, ValueError) as exc:
            self._unsent = None
            self._failed(exc)

    async def fill(self, have, limit):
        """Wait for bytes behind the first have of rx, up to limit; return how many came."""
        while True:
            count = self.sock.readinto(self.rx[have:limit])
            if count:
                self.heard = self._clock.ticks_ms()
                return count
            if count == 0:
                raise LinkError("closed")
            await transport.readable(self.sock)

    async def read(self, handle):
        """Call handle(at, body, end) for each packet that comes, until the connection ends.

        The packet is rx[at:end], body is where its fixed header ends. One that is larger than
        rx is given as far as it fits, with end beyond rx, and the rest of it is thrown away.
        """
        have = turns = 0
        while True:
            have += await self.fill(have, len(self.rx))
            used = self._split(have, handle)
            if used < have:
                self.rx[: have - used] = self.rx[used:have]
            have -= used
            turns += 1
            if turns % _READS_PER_TURN == 0:  # a peer that floods does not own the loop
                await self._clock.sleep_ms(0)

    def _split(self, have, handle):
        """Hand over the packets in the first have bytes of rx; return how many bytes they took."""
        at = min(self._skip, have)
        self._skip -= at
        while at < have:
            sizes = packet.frame(self.rx, at, have)
            if sizes is None:
                return at
            body = at + sizes[0]
            end = body + sizes[1]
            if end > have:
                if end - at <= len(self.rx) or have - at < len(self.rx):
                    return at  # the rest of it, or as much of it as will fit, is still to come
                self._skip = end - have
                handle(at, body, end)
                return have
            handle(at, body, end)
            at = end
        return at

    def close(self):
        try:
            self.sock.close()
        except OSError:  # the peer was faster
            pass
