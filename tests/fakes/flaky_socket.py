"""Sockets of a network in the same process that fail where a test wants them to.

Net stands in for the modules socket and tls in firmware.transport, and for a context of TLS. Each
call is numbered, and the one that was chosen raises what was chosen. A link can be cut after any
byte, in either direction, by close, reset or silence. What is done to a socket that must not be
done, such as using one that was closed or has failed, is noted in `misuse`.
"""

import errno

CLOSE, RESET, SILENCE = "close", "reset", "silence"
UP, DOWN = "up", "down"
_EBADF = 9
# A socket that has failed or ended, and told so, has to be closed within this time.
_CLOSE_MS = 1_000
# What a system takes for a peer that does not read any more.
_SEND_BUFFER_BYTES = 600


class Cut:
    """Ends one link after so many bytes of one direction."""

    def __init__(self, direction, offset, way, number=104):
        """number is what a reset raises; it differs from port to port."""
        self.direction = direction
        self.offset = offset
        self.way = way
        self.number = number
        self.is_made = False


class Net:
    def __init__(self, time, broker, is_tls=False, grain=0):
        """Lead all to the broker.

        is_tls      a write that is not taken has to be repeated with the very same bytes
        grain       a socket takes so many bytes and then none for a while; 0: all there are
        """
        self.time = time
        self.broker = broker
        self.is_tls = is_tls
        self.grain = grain
        self.socks = []
        self.cuts = []  # one per link; links beyond the list stay whole
        self.calls = 0
        self.names = []  # of the calls, in order
        self.raise_at = self.error = None  # number or name of a call, and what makes an exception
        self.misuse = []

    @property
    def unclosed(self):
        return len([sock for sock in self.socks if not sock.is_closed])

    def call(self, name, sock=None):
        self.calls += 1
        self.names.append(name)
        if self.raise_at in (self.calls, name):
            if sock and name != "setsockopt":  # the option is one that not every port has
                sock.failed_ms = self.time.passed_ms
            raise self.error()

    # What the modules have.

    def socket(self):
        self.call("socket")
        sock = Sock(self, self.cuts.pop(0) if self.cuts else None)
        self.socks.append(sock)
        return sock

    def getaddrinfo(self, host, port):
        self.call("getaddrinfo")
        return [(2, 1, 6, "", (host, port))]

    def wrap_socket(self, sock, server_hostname=None, do_handshake_on_connect=True):
        if do_handshake_on_connect or not server_hostname:
            self.misuse.append("TLS without a name, or with a handshake that blocks")
        self.call("wrap_socket", sock)
        return sock


class Sock:
    def __init__(self, net, cut):
        self.up = self.down = 0  # bytes so far
        self.is_closed = False
        self.failed_ms = None  # when a call raised
        self._told_ms = None  # when it first told that it is of no use any more
        self._net = net
        self._cut = cut
        self._inbox = b""
        self._error = None
        self._is_connected = self._is_over = self._is_mute = self._is_full = False
        self._lost_writes = 0  # since the peer is gone
        self._taken = None  # what TLS has taken note of

    def check_open(self, what):
        if self.is_closed:
            self._net.misuse.append(what + " after close")
            raise OSError(_EBADF)
        # Another task may read until it is told, which is at once.
        is_past = self.failed_ms is not None and self.failed_ms != self._net.time.passed_ms
        if is_past or (self.failed_ms is not None and what == "written"):
            self._net.misuse.append(what + " after it had failed")

    def is_ready(self, is_read):
        if self._error is not None:
            return True
        if is_read:
            return bool(self._inbox) or self._is_over
        is_full = self._is_full or (self._is_mute and self._lost_writes > _SEND_BUFFER_BYTES)
        return self._is_connected and not is_full

    # What a socket has.

    def setblocking(self, flag):
        if flag:
            self._net.misuse.append("a socket that blocks")
        self._net.call("setblocking", self)

    def setsockopt(self, *_):
        self._net.call("setsockopt", self)

    def connect(self, _address):
        self._net.call("connect", self)
        self._net.time.at(self._net.broker.latency_ms, self._connected)
        raise OSError(errno.EINPROGRESS)

    def write(self, data, at=0, size=None):
        self.check_open("written")
        self._net.call("write", self)
        data = bytes(data[at:] if size is None else data[at : at + size])
        if self._error is not None:
            self._tell()
            raise OSError(self._error)
        if self._taken is not None and data != self._taken:
            self._net.misuse.append("other bytes than those TLS has taken note of")
        if self._is_full or (self._is_mute and self._lost_writes > _SEND_BUFFER_BYTES):
            self._not_taken(data)
            return None
        grain = self._net.grain
        if grain and self._net.is_tls and self._taken is None:
            self._not_taken(data)
            self._fill()
            return None
        self._taken = None
        count = len(data)
        if grain and not self._net.is_tls:
            count = min(count, grain)
            self._fill()
        self._send(data[:count])
        return count

    def readinto(self, buf):
        self.check_open("read")
        self._net.call("readinto", self)
        if self._inbox:
            count = min(len(buf), len(self._inbox))
            buf[:count] = self._inbox[:count]
            self._inbox = self._inbox[count:]
            return count
        if self._error is not None:
            self._tell()
            raise OSError(self._error)
        if not self._is_over:
            return None
        self._tell()
        return 0

    def close(self):
        if self.is_closed:
            self._net.misuse.append("closed twice")
        for since in (self._told_ms, self.failed_ms):
            if since is not None and self._net.time.passed_ms > since + _CLOSE_MS:
                self._net.misuse.append("closed late")
        self.is_closed = True  # even if it raises, there is nothing else to be done
        self._net.broker.lost(self)
        self._net.call("close")

    # What the broker calls.

    def deliver(self, data):
        """Let bytes arrive."""
        if self._is_over or self._is_mute or self._error is not None:
            return
        cut = self._cut
        if cut and cut.direction == DOWN and self.down + len(data) >= cut.offset:
            data = data[: cut.offset - self.down]
            self._receive(data)
            self._end(cut)
        else:
            self._receive(data)

    def hang_up(self):
        """End it in good order, from the other side."""
        self._is_over = True

    def _tell(self):
        if self._told_ms is None:
            self._told_ms = self._net.time.passed_ms

    def _receive(self, data):
        self.down += len(data)
        self._inbox += data

    def _connected(self):
        self._is_connected = True

    def _not_taken(self, data):
        """TLS takes note of what it does not take, and wants it again."""
        self._taken = data if self._net.is_tls else None

    def _fill(self):
        """Take no more for a while."""
        self._is_full = True
        self._net.time.at(1, self._empty)

    def _empty(self):
        self._is_full = False

    def _send(self, data):
        if self._is_over or self._is_mute:
            self._lost_writes += len(data)
            if self._is_over:  # the peer answers what comes after its end with a reset
                self._error = 104
            return
        cut = self._cut
        if cut and cut.direction == UP and self.up + len(data) >= cut.offset:
            data = data[: cut.offset - self.up]
            self.up += len(data)
            self._feed(data)
            self._end(cut)
        else:
            self.up += len(data)
            self._feed(data)

    def _feed(self, data):
        try:
            self._net.broker.feed(self, data)
        except Exception as exc:  # the client would take it for an error of its socket
            self._net.misuse.append("the broker could not take it: %r" % exc)

    def _end(self, cut):
        self._cut = None
        cut.is_made = True
        self._net.broker.lost(self)
        if cut.way == CLOSE:
            self._is_over = True
        elif cut.way == RESET:
            self._error = cut.number
            self._inbox = b""
        else:
            self._is_mute = True
