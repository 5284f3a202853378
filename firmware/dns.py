"""Name look-up by our own UDP query: bounded, and no other task waits for it.

The port's getaddrinfo() blocks the whole loop for as long as the resolver likes.
Source: RFC 1035, sections 4.1 (messages) and 4.1.4 (compression).
"""

import asyncio
import errno
import socket
import struct
from random import getrandbits

from micropython import const

from firmware.errors import LinkError

_MAX_REPLY = const(512)
_LOOK_MS = const(20)
# So many servers, and this long for each: a look-up ends before the session gives it up.
_MAX_SERVERS = const(4)
_TRY_MS = const(1600)


async def ask(server, port, request, parse, timeout_ms):
    """Send one datagram to "address" or "address:port" and return what its answer says.

    parse(reply, request) returns None for what is no answer to the request: it goes on waiting.
    Raises OSError when none comes in time, or what parse raises. Only the server's own
    datagrams count: the socket is connected to it.
    """
    address, _, other = server.partition(":")
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        # An address: nothing to look up.
        sock.connect(socket.getaddrinfo(address, int(other or port))[0][-1])
        sock.send(request)
        for _ in range(timeout_ms // _LOOK_MS):
            try:
                said = parse(sock.recv(_MAX_REPLY), request)
                if said is not None:
                    return said
            except OSError as exc:
                if exc.errno != errno.EAGAIN:
                    raise
            await asyncio.sleep_ms(_LOOK_MS)
    finally:
        sock.close()
    raise LinkError("no answer from " + server)


class Resolver:
    """Looks names up at the first server that answers; keeps the last good address of each."""

    def __init__(self, servers, known=None):
        """servers() returns the addresses to ask, as they are at the moment of asking.

        known holds the addresses that were good: {name: address}.
        """
        self.servers = servers
        self._known = {} if known is None else known

    async def resolve(self, host):
        """Return the IPv4 address of host as text.

        When no server answers, the last good address serves: TLS checks who is there. Raises
        OSError if there is none.
        """
        if host.replace(".", "").isdigit():  # an address
            return host
        if host == "localhost":  # RFC 6761: never asked of anybody
            return "127.0.0.1"
        why = "no name server"
        request = struct.pack("!HHHHHH", getrandbits(16), 0x0100, 1, 0, 0, 0)
        for label in host.split("."):
            request += bytes((len(label),)) + label.encode()
        request += b"\0\0\1\0\1"
        for server in self.servers()[:_MAX_SERVERS]:
            try:
                self._known[host] = await ask(server, 53, request, parse, _TRY_MS)
                break
            except OSError as exc:
                why = exc
        if host not in self._known:
            raise LinkError("dns: %s: %s" % (host, why))
        return self._known[host]


def parse(reply, request):
    """Return the first address in the answer to request, None if it answers something else.

    Raises OSError if it holds no address.
    """
    # The question is repeated in the reply; only its flags and counts differ in the header.
    start = len(request)
    if reply[:2] != request[:2] or reply[12:start] != request[12:] or not reply[2] & 0x80:
        return None
    code = reply[3] & 0x0F
    at = start
    for _ in range(0 if code else reply[6] << 8 | reply[7]):
        at = _skip_name(reply, at)
        if at + 10 > len(reply):
            break
        kind, kin, _, length = struct.unpack_from("!HHIH", reply, at)
        at += 10
        # 0.0.0.0 is how some servers say that they will not tell.
        if kind == kin == 1 and length == 4 and any(reply[at : at + 4]) and at + 4 <= len(reply):
            return "%d.%d.%d.%d" % tuple(reply[at : at + 4])
        at += length
    raise LinkError("no address, code %d" % code)


def _skip_name(reply, at):
    while at < len(reply):
        length = reply[at]
        if length & 0xC0 == 0xC0:
            return at + 2
        at += 1 + length
        if not length:
            break
    return at
