"""The connection of safe mode: verified TLS that umqtt.simple, of any version, takes for a socket.

As safemode.py it uses nothing of the agent.
"""

import binascii
import errno
import socket
import time

import tls
from micropython import const

_STEP_S = const(10)  # one read or write
_MAX_MESSAGE = const(2048)


class Link:
    """What umqtt.simple takes for the module socket, and for its socket: TLS, with time limits."""

    def __init__(self, ca):
        """ca is the certificate to trust, in base64."""
        self._context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
        self._context.verify_mode = tls.CERT_REQUIRED  # pyright: ignore[reportAttributeAccessIssue]
        self._context.load_verify_locations(binascii.a2b_base64(ca))
        self._raw = self._tls = self._host = None
        self._waits = True
        self.heard = time.ticks_ms()

    def socket(self, *_kind):
        return self

    def getaddrinfo(self, host, port, *_kind):
        self._host = host
        return socket.getaddrinfo(host, port)

    def connect(self, address):
        self._raw = socket.socket()
        self.setblocking(True)
        self._raw.connect(address)
        self._tls = self._context.wrap_socket(self._raw, server_hostname=self._host)

    def setblocking(self, on):
        self._waits = on
        self._raw.settimeout(_STEP_S if on else 0)

    def settimeout(self, _seconds):
        """Keep to our own limits: newer versions of the client set theirs before they connect."""

    def read(self, size):
        """Return size bytes, or the first of them if they are too many.

        None if nothing is there and nobody wants to wait.
        """
        data = b""
        while size:
            part = self._tls.read(min(size, _MAX_MESSAGE))
            if part is None and not self._waits and not data:
                return None
            if not part:
                raise OSError(errno.ETIMEDOUT if part is None else errno.ECONNRESET)
            self.heard = time.ticks_ms()
            size -= len(part)
            data = data + part if len(data) < _MAX_MESSAGE else data
        return data

    def write(self, data, size=None):
        data = data if size is None else data[:size]
        if self._tls.write(data) != len(data):
            raise OSError(errno.ETIMEDOUT)

    def close(self):
        for one in (self._tls, self._raw):
            if one:
                one.close()
        self._raw = self._tls = None
