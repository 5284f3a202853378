"""One exchange with a time server, checked before it is believed.

Source: RFC 4330 (SNTP version 4), section 5 for the checks on a reply.
"""

import struct
from random import getrandbits

from micropython import const

from firmware import dns

_SIZE = const(48)
_TIMEOUT_MS = const(3000)
_REQUEST = const(0x23)  # no leap warning, version 4, client
_SERVER = const(4)
# Seconds from 1900 to 1970. From 2036 on the 32-bit seconds start again at 0.
_ERA_S = const(2208988800)


async def exchange(servers, resolve):
    """Return the Unix time of the first of servers ("name" or "name:port") that tells it.

    Raises OSError (no answer) or ValueError (an answer that must not be believed) of the last.
    """
    failure = OSError("no time server")
    for host in servers:
        try:
            name, _, port = host.partition(":")
            request = bytearray(_SIZE)
            request[0] = _REQUEST
            # The server has to send this back: the reply to a guess would not have it.
            for at in range(40, _SIZE):
                request[at] = getrandbits(8)
            return await dns.ask(await resolve(name), port or 123, request, parse, _TIMEOUT_MS)
        except (OSError, ValueError) as exc:
            failure = exc
    raise failure


def parse(reply, request):
    """Return the Unix seconds of a reply, None if it is none to this request.

    Raises ValueError if it must not be believed.
    """
    if len(reply) < _SIZE or reply[24:32] != request[40:]:
        return None
    first, stratum = reply[0], reply[1]
    seconds = struct.unpack_from("!I", reply, 40)[0]
    # Not a server's; one that is not in step, or sends us away; no time in it.
    if first & 7 != _SERVER or first >> 6 == 3 or not 1 <= stratum <= 15 or not seconds:
        raise ValueError("no time: first %02x, stratum %d" % (first, stratum))
    return seconds - _ERA_S if seconds >> 31 else seconds - _ERA_S + (1 << 32)
