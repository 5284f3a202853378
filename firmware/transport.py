"""A TCP connection with verified TLS on it, opened without holding up any other task."""

import asyncio
import errno
import socket
from asyncio import core  # pyright: ignore[reportAttributeAccessIssue] - not in the stubs

import tls

from firmware.errors import LinkError

_IPPROTO_TCP = 6
_TCP_NODELAY = 1

# What mbedTLS says when it does not accept a certificate, as it says it: (part, short name).
_VERDICTS = (
    ("match with the expected", "tls:name"),
    ("not correctly signed", "tls:ca"),
    ("has expired", "tls:expired"),
    ("starts in the future", "tls:clock"),
)


_REASONS = ("ECONNREFUSED", "ECONNRESET", "EHOSTUNREACH", "ETIMEDOUT", "ENOMEM")
_MBEDTLS_BELOW = -256  # its own error numbers; those above are errno's, negative


def context(ca):
    """Return the only kind of TLS context there is: it verifies the broker, always.

    ca is the certificate to trust, DER or PEM. TLS 1.2 is the least that mbedTLS 3 offers.
    """
    made = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    made.verify_mode = tls.CERT_REQUIRED  # pyright: ignore[reportAttributeAccessIssue]
    made.load_verify_locations(ca)
    return made


def readable(sock):
    """Awaitable: return when sock may have bytes. (A generator is one in MicroPython.)"""
    yield core._io_queue.queue_read(sock)


def writable(sock):
    """Awaitable: return when sock may take bytes."""
    yield core._io_queue.queue_write(sock)


async def dial(address, port):
    """Return a connected non-blocking TCP socket.

    Raises OSError. A connection that was refused may only show at the first write.
    """
    sock = socket.socket()
    try:
        sock.setblocking(False)
        try:
            # Without it the last piece of a packet waits for the peer's delayed ACK.
            sock.setsockopt(_IPPROTO_TCP, _TCP_NODELAY, 1)
        except OSError:  # not every port has the option; it saves time only
            pass
        try:
            sock.connect(socket.getaddrinfo(address, port)[0][-1])
        except OSError as exc:
            if exc.errno != errno.EINPROGRESS:
                raise
            await writable(sock)
        return sock
    except BaseException:  # a cancelled dial must not leave its socket behind either
        sock.close()
        raise


def secure(sock, ssl, host):
    """Return sock with TLS on it. Nothing is sent yet: the first write drives the handshake.

    ssl comes from context(); host is the name the certificate must have.
    """
    return ssl.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)


async def within(most_ms, stage, awaitable):
    """Await, but not longer than most_ms; the LinkError of a late one names the stage."""
    try:
        return await asyncio.wait_for_ms(awaitable, most_ms)
    except asyncio.TimeoutError:
        raise LinkError(stage + ":timeout")


def why(exc):
    """Return a short, stable name for what ended a connection or kept it from being made."""
    text = str(exc)
    if isinstance(exc, LinkError):
        return text
    for part, name in _VERDICTS:
        if part in text:
            return name
    code = exc.args[0] if isinstance(exc, OSError) and exc.args else None
    for name in _REASONS:
        if code == getattr(errno, name):
            return "tcp:" + name
    if isinstance(code, int) and code < _MBEDTLS_BELOW:
        return "tls:proto " + text
    return repr(exc)
