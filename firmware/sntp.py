"""One exchange with a time server, checked before it is believed.

Source: RFC 4330 (SNTP version 4), section 5 for the checks on a reply.
"""

import struct
from random import getrandbits

from firmware import dns

_PORT = 123
_SIZE = 48
_TIMEOUT_MS = 3000
_REQUEST = 0x23  # no leap warning, version 4, client
_SERVER = 4
# Seconds from 1900 to 1970. From 2036 on the 32-bit seconds start again at 0.
_ERA_S = 2208988800
_TURN = 0x80000000


async def exchange(hosts, resolve):
    """Return the Unix time of the first of hosts ("name" or "name:port") that tells it.

    Raises OSError (no answer) or ValueError (an answer that must not be believed) of the last.
    """
    failure = OSError("no time server")
    for host in hosts:
        try:
            name, _, port = host.partition(":")
            request = bytearray(_SIZE)
            request[0] = _REQUEST
            # The server has to send this back: the reply to a guess would not have it.
            for at in range(40, 48):
                request[at] = getrandbits(8)
            reply = bytearray(_SIZE)
            address = await resolve(name)
            size = await dns.ask(address, int(port or _PORT), request, reply, _TIMEOUT_MS)
            return parse(reply, size, request)
        except (OSError, ValueError) as exc:
            failure = exc
    raise failure


def parse(reply, size, request):
    """Return the Unix seconds of a reply. Raises ValueError if it is none to this request."""
    if size < _SIZE:
        raise ValueError("reply of %d bytes" % size)
    if reply[0] & 7 != _SERVER:
        raise ValueError("not from a server")
    if reply[0] >> 6 == 3 or not 1 <= reply[1] <= 15:
        raise ValueError("server not in step, stratum %d" % reply[1])
    if reply[24:32] != request[40:48]:
        raise ValueError("not our answer")
    seconds = struct.unpack_from("!I", reply, 40)[0]
    if seconds == 0:
        raise ValueError("no time in the reply")
    if seconds < _TURN:
        seconds += 1 << 32
    return seconds - _ERA_S
