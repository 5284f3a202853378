# type: ignore
# ruff: noqa: PLR2004, UP031 (numbers of the formats; short forms of this dialect)
"""One datagram to a server and its answer: names (RFC 1035) and the time (RFC 4330)."""

_TRY_MS = 2000
_EPOCH_1970_S = 2208988800


def ask(address, port, request, parse):
    """Return what the answer says. Raises OSError: none in time, or what parse raises."""
    import errno
    import socket
    import time

    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.connect(socket.getaddrinfo(address, port)[0][-1])
        sock.send(request)
        started = time.ticks_ms()
        while time.ticks_diff(time.ticks_ms(), started) < _TRY_MS:
            try:
                said = parse(sock.recv(512), request)
                if said is not None:
                    return said
            except OSError as exc:
                if exc.errno != errno.EAGAIN:
                    raise
            time.sleep_ms(20)
    finally:
        sock.close()
    raise OSError("no answer")


def look_up(name, servers):
    """Return (address, server that told it). Raises OSError of the last server asked."""
    import os
    import struct

    request = os.urandom(2) + struct.pack("!HHHHH", 0x0100, 1, 0, 0, 0)
    for label in name.split("."):
        request += bytes((len(label),)) + label.encode()
    request += b"\0\0\1\0\1"
    failure = OSError("no name server is known")
    for server in servers:
        address, _, port = server.partition(":")
        for _ in range(2):  # a datagram may get lost
            try:
                return ask(address, int(port or 53), request, address_in), server
            except OSError as exc:
                failure = exc
    raise failure


def address_in(reply, request):
    """Return the first address of a reply, None if it answers something else."""
    start = len(request)
    if reply[:2] != request[:2] or reply[12:start] != request[12:] or not reply[2] & 0x80:
        return None
    code = reply[3] & 15
    at = start
    for _ in range(0 if code else reply[6] << 8 | reply[7]):
        while at < len(reply) and reply[at] and reply[at] & 0xC0 != 0xC0:
            at += 1 + reply[at]
        at += 2 if at < len(reply) and reply[at] else 1
        if at + 10 > len(reply):
            break
        size = reply[at + 8] << 8 | reply[at + 9]
        if reply[at : at + 4] == b"\0\1\0\1" and size == 4 and at + 14 <= len(reply):
            return "%d.%d.%d.%d" % tuple(reply[at + 10 : at + 14])
        at += 10 + size
    raise OSError("no such name" if code == 3 else "no address, code %d" % code)


def time_of(address, port):
    """Return the Unix time that a server tells. Raises OSError."""
    import os

    return ask(address, port, b"\x23" + bytes(39) + os.urandom(8), seconds_in)


def seconds_in(reply, request):
    """Return the Unix seconds of a reply, None if it is none to this request."""
    if len(reply) < 48 or reply[24:32] != request[40:]:
        return None
    seconds = int.from_bytes(reply[40:44], "big")
    if reply[0] & 7 != 4 or reply[0] >> 6 == 3 or not 1 <= reply[1] <= 15 or not seconds:
        raise OSError("it does not know the time itself")
    # From 2036 on the seconds start again at 0.
    return seconds - _EPOCH_1970_S + (0 if seconds >> 31 else 1 << 32)
