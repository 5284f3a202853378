"""The module socket: the host's sockets with the chip's errors, addresses and radio.

While the radio is not associated nothing goes out and nothing comes in: connecting fails and
what is open falls silent, until the link is back or the program's own time is up.
"""

import io
import select
import socket as _socket
import time

from _chip import errnos, radio, shim

_EAI_FAIL = -202
_SILENT_STEP_MS = 5
# What the unix port does not name.
_CONSTANTS = {"IPPROTO_TCP": 6, "TCP_NODELAY": 1, "IPPROTO_IP": 0, "IPPROTO_UDP": 17}

# Requests and events of the stream protocol, as in py/stream.h.
_POLL = 3
_CLOSE = 4
_POLL_ALWAYS = 8 | 16 | 32
_EINVAL = 22


def _call(function, *args):
    try:
        return function(*args)
    except OSError as exc:
        raise OSError(errnos.translate(exc.errno))


def _to_native(host, port):
    try:
        return _socket.getaddrinfo(host or "0.0.0.0", port, _socket.AF_INET)[0][-1]
    except OSError:
        raise OSError(_EAI_FAIL)


def _from_native(address):
    _, ip, port = _socket.sockaddr(address)
    return ("%d.%d.%d.%d" % tuple(ip), port)


def getaddrinfo(host, port, family=0, kind=0, proto=0, flags=0):
    """Look a name up, as the chip does: IPv4 only, and an address needs no radio."""
    if not radio.is_up() and not host.replace(".", "").isdigit():
        raise OSError(_EAI_FAIL)
    address = _from_native(_to_native(host, port))
    return [(_socket.AF_INET, kind or _socket.SOCK_STREAM, proto, "", address)]


class Socket(io.IOBase):
    """One socket; also a stream, so that select and TLS can use it as they use the chip's."""

    def __init__(self, family=_socket.AF_INET, kind=_socket.SOCK_STREAM, proto=0, native=None):
        self._socket = native or _call(_socket.socket, family, kind, proto)
        self._poller = select.poll()
        self._poller.register(self._socket, select.POLLIN | select.POLLOUT)
        # None: wait for ever; 0: do not wait
        self._timeout_ms = None

    def ioctl(self, request, arg):
        if request == _CLOSE:
            self.close()
            return 0
        if request != _POLL:
            return -_EINVAL
        if radio.is_up():
            return self._events() & (arg | _POLL_ALWAYS)
        return 0

    def _events(self):
        for one in self._poller.ipoll(0):
            return one[1]
        return 0

    def _is_silent(self):
        """Wait for the link as long as the program would; tell whether it is still down.

        Raises OSError when a socket that has a time limit has reached it.
        """
        start = time.ticks_ms()
        while not radio.is_up():
            if self._timeout_ms == 0:
                return True
            waited_ms = time.ticks_diff(time.ticks_ms(), start)
            if self._timeout_ms is not None and waited_ms >= self._timeout_ms:
                raise OSError(errnos.ETIMEDOUT)
            time.sleep_ms(_SILENT_STEP_MS)
        return False

    def _do(self, function, *args):
        try:
            return _call(function, *args)
        except OSError as exc:
            # Linux says "again" as well where a socket's time is up.
            if exc.errno in (errnos.EAGAIN, errnos.EINPROGRESS) and self._timeout_ms != 0:
                raise OSError(errnos.ETIMEDOUT)
            raise

    # Streams answer None where sockets raise EAGAIN.

    def read(self, *args):
        return None if self._is_silent() else self._do(self._socket.read, *args)

    def readinto(self, *args):
        return None if self._is_silent() else self._do(self._socket.readinto, *args)

    def readline(self, *args):
        return None if self._is_silent() else self._do(self._socket.readline, *args)

    def write(self, *args):
        return None if self._is_silent() else self._do(self._socket.write, *args)

    def _transfer(self, function, *args):
        if self._is_silent():
            raise OSError(errnos.EAGAIN)
        return self._do(function, *args)

    def recv(self, size, flags=0):
        return self._transfer(self._socket.recv, size, flags)

    def recvfrom(self, size, flags=0):
        data, address = self._transfer(self._socket.recvfrom, size, flags)
        return data, _from_native(address)

    def send(self, data, flags=0):
        return self._transfer(self._socket.send, data, flags)

    def sendall(self, data):
        view = memoryview(data)
        while view:
            view = view[self._transfer(self._socket.send, view) :]

    def sendto(self, data, address):
        if not radio.is_up():
            raise OSError(errnos.EHOSTUNREACH)
        return _call(self._socket.sendto, data, _to_native(*address))

    def connect(self, address):
        if not radio.is_up():
            raise OSError(errnos.EHOSTUNREACH)
        self._do(self._socket.connect, _to_native(*address))

    def bind(self, address):
        _call(self._socket.bind, _to_native(*address))

    def listen(self, backlog=2):
        _call(self._socket.listen, backlog)

    def accept(self):
        native, address = self._transfer(self._socket.accept)
        return Socket(native=native), _from_native(address)

    def settimeout(self, seconds):
        self._socket.settimeout(seconds)
        self._timeout_ms = None if seconds is None else int(seconds * 1000)

    def setblocking(self, on):
        self._socket.setblocking(on)
        self._timeout_ms = None if on else 0

    def setsockopt(self, level, option, value):
        _call(self._socket.setsockopt, level, option, value)

    def fileno(self):
        return self._socket.fileno()

    def makefile(self, *args):
        return self

    def close(self):
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.close()


def install():
    return shim.replace(
        _socket,
        ("AF_UNIX", "sockaddr", "inet_ntop", "inet_pton"),
        socket=Socket,
        getaddrinfo=getaddrinfo,
        **_CONSTANTS,
    )
