"""Asks a time server once and believes it, with the interface of the module in ESP32 images."""

import socket
import struct

host = "pool.ntp.org"
timeout = 1

_PORT = 123
_SECONDS_1900_TO_2000 = 3155673600


def time():
    """Return the server's time in seconds since 2000. Raises OSError if it does not answer."""
    request = bytearray(48)
    request[0] = 0x1B
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.settimeout(timeout)
        sock.sendto(request, socket.getaddrinfo(host, _PORT)[0][-1])
        reply = sock.recv(48)
    finally:
        sock.close()
    return struct.unpack_from("!I", reply, 40)[0] - _SECONDS_1900_TO_2000


def settime():
    """Set the chip's clock."""
    import time as clock

    import machine

    t = clock.gmtime(time())
    machine.RTC().datetime((t[0], t[1], t[2], t[6] + 1, t[3], t[4], t[5], 0))
