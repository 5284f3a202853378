"""What may answer at a serial port: a board of any age, an echo, a chatterbox, or nothing.

A pty whose far end is served by a thread. raw_prompt() speaks MicroPython's raw prompt and
answers each program that is run with what answer(program) returns.
"""

import contextlib
import os
import pty
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# In an answer: what follows is the program's traceback.
RAISES = "\0"
BANNER = b"raw REPL; CTRL-B to exit\r\n>"


@contextmanager
def port(serve: Callable[[int], None]) -> Iterator[str]:
    """Yield the path of a port at whose other end serve(descriptor) runs until it is closed."""
    far, near = pty.openpty()
    tty.setraw(near)
    path = os.ttyname(near)

    def run() -> None:
        # The read fails when the pty is closed: that is how it ends.
        with contextlib.suppress(OSError):
            serve(far)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield path
    finally:
        os.close(near)
        # It must be gone before the descriptor's number means another port.
        thread.join(10)
        os.close(far)


def silent(far: int) -> None:
    while os.read(far, 1024):
        pass


def echo(far: int) -> None:
    while data := os.read(far, 1024):
        os.write(far, data)


def chatter(far: int) -> None:
    while os.read(far, 1024):
        os.write(far, b"login: \x1b[31m\r\nPassword: ")


def raw_prompt(answer: Callable[[str], str]) -> Callable[[int], None]:
    """Serve MicroPython's raw prompt without raw paste, one byte at a time."""

    def serve(far: int) -> None:
        program = b""
        while byte := os.read(far, 1):
            reply, program = _step(program, byte, answer)
            os.write(far, reply)

    return serve


def _step(program: bytes, byte: bytes, answer: Callable[[str], str]) -> tuple[bytes, bytes]:
    """Return (what to send, the program as typed so far) after one more byte."""
    if byte == b"\x01":
        # Raw paste is known, and not offered.
        return (b"R\0" if program == b"\x05A" else BANNER), b""
    if byte == b"\x04" and not program:
        return b"OK\r\nMPY: soft reboot\r\n" + BANNER, b""
    if byte == b"\x04":
        said, _, error = answer(program.decode()).partition(RAISES)
        return f"OK{said}\x04{error}\x04>".encode(), b""
    return b"", program if byte in b"\x02\x03\r" else program + byte
