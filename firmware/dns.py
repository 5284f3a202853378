"""Name look-up by our own UDP query: bounded, and no other task waits for it.

The port's getaddrinfo() blocks the whole loop for as long as the resolver likes.
Source: RFC 1035, sections 4.1 (messages) and 4.1.4 (compression).
"""

import asyncio
import socket
import struct
from random import getrandbits

_PORT = 53
_TRY_MS = 2000
_MAX_REPLY = 512


async def ask(address, port, request, reply, timeout_ms):
    """Send one datagram and wait for one from the same peer; return its length in reply.

    Raises OSError when none comes within timeout_ms. Only the peer's own datagrams count: the
    socket is connected to it.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.connect(socket.getaddrinfo(address, port)[0][-1])  # an address: nothing to look up
        sock.send(request)
        stream = asyncio.StreamReader(sock)
        return await asyncio.wait_for_ms(stream.readinto(reply), timeout_ms)
    except asyncio.TimeoutError:
        raise OSError("no answer from %s:%d" % (address, port))
    finally:
        sock.close()


class Resolver:
    """Looks names up at the first server that answers; keeps the last good address of each."""

    def __init__(self, servers):
        """servers() returns the addresses to ask, as they are at the moment of asking."""
        self._servers = servers
        self._known = {}

    async def resolve(self, host):
        """Return the IPv4 address of host as text.

        When no server answers, the last good address serves: TLS checks who is there. Raises
        OSError if there is none.
        """
        if is_address(host):
            return host
        if host == "localhost":  # RFC 6761: never asked of anybody
            return "127.0.0.1"
        why = "no name server"
        for server in self._servers():
            try:
                self._known[host] = await _query(server, host)
                break
            except OSError as exc:
                why = exc
        if host not in self._known:
            raise OSError("%s: %s" % (host, why))
        return self._known[host]


def is_address(host):
    """Tell whether host is an IPv4 address in dotted form."""
    parts = host.split(".")
    return len(parts) == 4 and all(part.isdigit() and int(part) < 256 for part in parts)


async def _query(server, host):
    number = getrandbits(16)
    request = struct.pack("!HHHHHH", number, 0x0100, 1, 0, 0, 0)
    for label in host.split("."):
        request += bytes([len(label)]) + label.encode()
    request += b"\0\0\1\0\1"
    reply = bytearray(_MAX_REPLY)
    address, _, port = server.partition(":")
    size = await ask(address, int(port or _PORT), request, reply, _TRY_MS)
    return parse(reply, size, request)


def parse(reply, size, request):
    """Return the first address in the answer to request.

    Raises OSError if the answer is not one to this request, or holds no address.
    """
    # The question is repeated in the reply; only its flags and counts differ in the header.
    start = len(request)
    if size < start or reply[:2] != request[:2] or reply[12:start] != request[12:]:
        raise OSError("not our answer")
    flags, _, answers = struct.unpack_from("!HHH", reply, 2)
    if not flags & 0x8000 or flags & 0x000F:
        raise OSError("answer code %d" % (flags & 15))
    at = start
    for _ in range(answers):
        at = _skip_name(reply, at, size)
        if at + 10 > size:
            break
        kind, kin, _, length = struct.unpack_from("!HHIH", reply, at)
        at += 10
        if kind == 1 and kin == 1 and length == 4 and at + 4 <= size:
            return "%d.%d.%d.%d" % tuple(reply[at : at + 4])
        at += length
    raise OSError("no address in the answer")


def _skip_name(reply, at, size):
    while at < size:
        length = reply[at]
        if length & 0xC0 == 0xC0:
            return at + 2
        at += 1 + length
        if not length:
            break
    return at
