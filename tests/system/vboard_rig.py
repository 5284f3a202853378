"""A virtual board as a process of its own, with what a test does to it from outside."""

import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from realparts import part

MPREMOTE_TIMEOUT_S = 30


class Rig:
    def __init__(self, info: dict[str, Any]) -> None:
        self.info = info
        self.port: str = info["port"]
        self.folder = Path(info["dir"])

    def mpremote(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-m", "mpremote", "connect", self.port, *arguments],
            capture_output=True,
            text=True,
            timeout=MPREMOTE_TIMEOUT_S,
            check=False,
            cwd=cwd,
        )

    def run(self, *arguments: str, cwd: Path | None = None) -> str:
        """Run an mpremote command that must succeed; return what it printed."""
        done = self.mpremote(*arguments, cwd=cwd)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def exec(self, program: str) -> str:
        """Run a program on the board after a soft reset."""
        return self.run("exec", program)

    def fail(self, program: str) -> str:
        """Run a program that must end in an exception; return the traceback."""
        done = self.mpremote("exec", program)
        assert done.returncode == 1, done.stdout
        return done.stdout + done.stderr

    def resume(self, program: str) -> str:
        """Run a program on the board as it is."""
        return self.run("resume", "exec", program)

    def eval(self, expression: str) -> Any:
        """Return the value of an expression on the board, by way of JSON."""
        return json.loads(self.exec(f"import json\nprint(json.dumps({expression}))"))

    def order(self, order: Any) -> dict[str, Any]:
        """Send one line to the control socket; return the answer."""
        line = order if isinstance(order, bytes) else json.dumps(order).encode()
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(10)
            link.connect(self.info["control"])
            link.sendall(line + b"\n")
            answer: dict[str, Any] = json.loads(link.makefile().readline())
        return answer

    def control(self, **order: Any) -> None:
        """Give an order that must be obeyed."""
        assert self.order(order) == {"ok": True}

    def chip_ids(self) -> list[int]:
        """Return the process ids of the chip: one while it runs, none while it does not."""
        pid = self.info["pid"]
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(child) for child in children]


@contextmanager
def board(folder: Path, *arguments: str) -> Iterator[Rig]:
    """Run a virtual board that is empty if folder is new."""
    with part(folder, "vboard", "start", "--dir", str(folder / "board"), *arguments) as info:
        yield Rig(info)


class Serial:
    """The port, opened by a program that only reads and writes bytes."""

    def __init__(self, port: str) -> None:
        self._fd = os.open(port, os.O_RDWR | os.O_NOCTTY)
        self.seen = b""

    def __enter__(self) -> "Serial":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    def write(self, data: bytes) -> None:
        os.write(self._fd, data)

    def read_for(self, seconds: float) -> bytes:
        """Return what comes within so many seconds."""
        end_s = time.monotonic() + seconds
        data = b""
        while (left_s := end_s - time.monotonic()) > 0:
            if select.select([self._fd], [], [], left_s)[0]:
                data += os.read(self._fd, 65536)
        self.seen += data
        return data

    def wait_for(self, words: bytes, seconds: float = 15) -> bytes:
        """Read until words have come; return all up to them, and forget it."""
        end_s = time.monotonic() + seconds
        while words not in self.seen:
            left_s = end_s - time.monotonic()
            assert left_s > 0, (words, self.seen[-2000:])
            if select.select([self._fd], [], [], left_s)[0]:
                self.seen += os.read(self._fd, 65536)
        until = self.seen.index(words) + len(words)
        data, self.seen = self.seen[:until], self.seen[until:]
        return data

    def enter_repl(self) -> None:
        """Interrupt whatever runs, and wait for the friendly prompt.

        Asks for a word: what others left unread on the port looks like a prompt as well.
        """
        self.write(b"\x03\r\x02")
        self.write(b"print('re' + 'ady')\r")
        self.wait_for(b"\nready\r\n>>> ")
