"""Peers that are there and do not answer: a port no connect gets through to, a name server."""

import contextlib
import socket
import struct
import threading

_MOST_WAITING = 16


@contextlib.contextmanager
def deaf_port():
    """Yield a port of 127.0.0.1 where a connect is neither taken nor refused.

    The kernel drops what asks for a connection while the queue of a listener is full.
    """
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(_MOST_WAITING):
            filler = stack.enter_context(socket.socket())
            filler.settimeout(0.2)
            try:
                filler.connect(listener.getsockname())
            except TimeoutError:
                break
        else:
            raise AssertionError("this kernel's queue of connections has no end")
        yield listener.getsockname()[1]


class NameServer:
    """A DNS server on a free UDP port that says 127.0.0.1 to every question, or nothing."""

    def __init__(self, is_mute=False):
        self.is_mute = is_mute
        self.asked = 0

    def __enter__(self):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.is_mute = True
        # An empty datagram wakes the thread: closing alone does not.
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join(5)
        self._socket.close()

    def _serve(self):
        while True:
            question, peer = self._socket.recvfrom(512)
            if not question:
                return
            self.asked += 1
            if not self.is_mute:
                # Its number and question again; then one answer: the name as a reference to the
                # question's, type A, class IN, a minute, four bytes.
                head = question[:2] + struct.pack("!HHHHH", 0x8180, 1, 1, 0, 0)
                answer = struct.pack("!HHHIH", 0xC00C, 1, 1, 60, 4) + socket.inet_aton("127.0.0.1")
                self._socket.sendto(head + question[12:] + answer, peer)
