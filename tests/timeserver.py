"""A name server and a time server on this machine, in threads of the test."""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_UNIX_TO_NTP_S = 2208988800


@contextmanager
def _served(answer: Callable[[bytes], bytes]) -> Iterator[str]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(0.1)
        ended = threading.Event()

        def run() -> None:
            while not ended.is_set():
                with contextlib.suppress(TimeoutError):
                    data, peer = sock.recvfrom(512)
                    sock.sendto(answer(data), peer)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{sock.getsockname()[1]}"
        finally:
            ended.set()
            thread.join(5)


@contextmanager
def time_server(ahead_s: float = 0, stratum: int = 1) -> Iterator[str]:
    """Yield address:port of one that tells this machine's time, or a time that much ahead."""

    def answer(request: bytes) -> bytes:
        now = int(time.time() + ahead_s) + _UNIX_TO_NTP_S
        head = bytes((0x24, stratum)) + bytes(22)
        return head + request[40:48] + bytes(8) + struct.pack("!II", now, 0)

    with _served(answer) as address:
        yield address


@contextmanager
def name_server(address: str = "127.0.0.1", known: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield address:port of one that knows these names, all at one address, and no other."""

    def answer(request: bytes) -> bytes:
        labels, at = [], 12
        while request[at]:
            labels.append(request[at + 1 : at + 1 + request[at]].decode())
            at += 1 + request[at]
        name = ".".join(labels)
        question = request[12 : at + 5]
        if name not in known:
            return request[:2] + b"\x81\x83" + b"\0\1\0\0\0\0\0\0" + question
        data = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton(address)
        return request[:2] + b"\x81\x80" + b"\0\1\0\1\0\0\0\0" + question + data

    with _served(answer) as served:
        yield served
