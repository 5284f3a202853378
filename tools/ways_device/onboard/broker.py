# type: ignore
# ruff: noqa: PLR2004, SIM105 (numbers of the protocol; no contextlib here)
"""A short visit to the broker: TLS, login, a subscription and a message of the device's own."""

_TLS_MS = 15000
_ANSWER_MS = 6000
_MOST = 2048  # of a packet; what is longer is of no interest here


class Visit:
    """One connection. Every wait has a deadline; OSError when it passes."""

    def __init__(self, address, port, host, ca):
        """Connect, and put TLS that trusts ca alone on it. The first write shakes hands."""
        import errno
        import socket

        import tls

        context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
        context.verify_mode = tls.CERT_REQUIRED
        context.load_verify_locations(ca)
        self._sock = socket.socket()
        self._sock.settimeout(_TLS_MS // 1000)
        self._sock.connect(socket.getaddrinfo(address, port)[0][-1])
        self._sock.setblocking(False)
        self._link = context.wrap_socket(
            self._sock, server_hostname=host, do_handshake_on_connect=False
        )
        self._errno = errno

    def close(self):
        for one in (getattr(self, "_link", None), self._sock):
            try:
                one.close()
            except (AttributeError, OSError):
                pass

    def certificate(self):
        """Return the broker's certificate in DER, None where this board cannot tell it."""
        try:
            return self._link.getpeercert(True)
        except (AttributeError, OSError, TypeError, ValueError):
            return None

    def send(self, data, limit_ms=_ANSWER_MS):
        sent = 0
        for _ in self._until(limit_ms):
            # TLS has taken note of bytes it did not take: it gets the very same ones again.
            count = self._link.write(data[sent:] if sent else data)
            sent += count or 0
            if sent == len(data):
                return
        raise OSError(self._errno.ETIMEDOUT)

    def receive(self, kinds, limit_ms=_ANSWER_MS):
        """Return (first byte, body) of the next packet of these kinds. Others are passed over."""
        while True:
            first = self._exactly(1, limit_ms)[0]
            size = shift = 0
            byte = 0x80
            while byte & 0x80 and shift < 28:
                byte = self._exactly(1, limit_ms)[0]
                size |= (byte & 0x7F) << shift
                shift += 7
            body = self._exactly(min(size, _MOST), limit_ms)
            for _ in range(_MOST, size, _MOST):
                self._exactly(min(_MOST, size - _MOST), limit_ms)
                size -= _MOST
            if first >> 4 in kinds:
                return first, body

    def _exactly(self, size, limit_ms):
        data = b""
        if not size:
            return data
        for _ in self._until(limit_ms):
            piece = self._link.read(size - len(data))
            if piece == b"":
                raise OSError("closed")
            data += piece or b""
            if len(data) == size:
                return data
        raise OSError(self._errno.ETIMEDOUT)

    def _until(self, limit_ms):
        import time

        started = time.ticks_ms()
        while time.ticks_diff(time.ticks_ms(), started) < limit_ms:
            yield
            time.sleep_ms(20)


def text(data):
    data = data.encode() if isinstance(data, str) else data
    return bytes((len(data) >> 8, len(data) & 0xFF)) + data


def packet(first, body):
    size = len(body)
    head = bytes((first,))
    while size > 0x7F:
        head += bytes((size & 0x7F | 0x80,))
        size >>= 7
    return head + bytes((size,)) + body


def connect(body):
    """Return CONNECT of a device: its own id, and the session that the broker keeps for it.

    A clean one would throw away what the broker holds for the device.
    """
    fields = text(body["client_id"]) + text(body["username"]) + text(body["password"])
    return packet(0x10, text("MQTT") + b"\x04\xc0\x00\x3c" + fields)


def fault(exc):
    """Return a short name for what ended a connection."""
    import errno

    code, said = exc.args[0] if exc.args else None, str(exc)
    for word, name in (
        ("match", "tls:name"),
        ("signed", "tls:ca"),
        ("expired", "tls:expired"),
        ("future", "tls:clock"),
    ):
        if word in said:
            return name
    if code in errno.errorcode:
        return "tcp:" + errno.errorcode[code]
    if isinstance(code, int) and code < -256:
        return {-0x7280: "tls:eof", -0x2700: "tls:cert"}.get(code, "tls:" + said)
    return said
