"""The one module that knows esptool exists: what the chip's own boot loader is asked.

esptool runs as a program, one process a step, with a deadline on its silence. What it reads off
a board goes into files of a private folder, mode 0600.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ways_device.errors import BoardError
from ways_device.patience import Patience
from ways_device.secrets import child_environ, one_line

_SILENT_S = 60.0
# A whole chip is erased without a word: up to 16 MB.
_ERASE_S = 240.0
_END_S = 5.0
_ATTEMPTS = 7
_CONNECTED = re.compile(r"^Connected to (\S+) on ", re.MULTILINE)
_FLASH_SIZE = re.compile(r"^Detected flash size: (\d+)(KB|MB)", re.MULTILINE)
_MAC = re.compile(r"^MAC:\s+([0-9a-f:]+)", re.MULTILINE)
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s?%")
_UNITS = {"KB": 1024, "MB": 1024 * 1024}


@dataclass(frozen=True)
class Chip:
    """What answers: esptool's name of it, its flash in bytes, its address."""

    name: str
    flash_bytes: int
    mac: str


class Esptool:
    """The boot loader of the chip at one port. folder is private, for what is read and written."""

    def __init__(self, port: str, baud: int, folder: Path) -> None:
        self.port = port
        self._baud = baud
        self._folder = folder
        self._chip = "auto"

    def detect(self) -> Chip:
        """Ask what is there; every call after it refuses another chip. Raises BoardError."""
        said = self._run("flash-id")
        name, size, mac = _CONNECTED.search(said), _FLASH_SIZE.search(said), _MAC.search(said)
        if name is None or size is None:
            raise BoardError(f"the chip at {self.port} does not tell its kind or flash size")
        self._chip = re.sub(r"[^a-z0-9]", "", name[1].lower())
        return Chip(self._chip, int(size[1]) * _UNITS[size[2]], mac[1] if mac else "")

    def read(self, offset: int, size: int) -> bytes:
        """Return what the flash holds there."""
        path = self._folder / "read.bin"
        try:
            self._run("read-flash", "--no-progress", hex(offset), hex(size), str(path))
            data = path.read_bytes()
        finally:
            path.unlink(missing_ok=True)
        if len(data) != size:
            raise BoardError("the flash was not read whole; run the same command again")
        return data

    def write(
        self, regions: Sequence[tuple[int, bytes]], said: Callable[[str], None] | None = None
    ) -> None:
        """Write the bytes at the offsets; esptool compares the hash of each as it goes."""
        self._run("write-flash", *self._files(regions), said=said)

    def verify(self, regions: Sequence[tuple[int, bytes]]) -> bool:
        """Return whether the flash holds exactly these bytes, by hashes made on the chip."""
        try:
            self._run("verify-flash", *self._files(regions))
        except _MismatchError:
            return False
        return True

    def erase(self) -> None:
        """Erase the whole flash."""
        self._run("erase-flash", silent_s=_ERASE_S)

    def restart(self) -> None:
        """Let the chip run what its flash holds."""
        self._run("read-mac", after="hard-reset", attempts=2)

    def _files(self, regions: Sequence[tuple[int, bytes]]) -> list[str]:
        words = []
        for offset, data in regions:
            path = self._folder / f"{offset:x}.bin"
            path.touch(mode=0o600)
            path.write_bytes(data)
            words += [hex(offset), str(path)]
        return words

    def _run(
        self,
        *words: str,
        after: str = "no-reset",
        attempts: int | None = None,
        silent_s: float = _SILENT_S,
        said: Callable[[str], None] | None = None,
    ) -> str:
        options = ["--chip", self._chip, "--port", self.port, "--baud", str(self._baud)]
        options += ["--connect-attempts", str(attempts or _ATTEMPTS), "--after", after]
        command = [sys.executable, "-m", "esptool", *options, *words]
        lines: list[str] = []
        with subprocess.Popen(
            command,
            # Not the user's folder: a file there could answer for one of Python's modules.
            cwd=self._folder,
            env=child_environ(PYTHONUNBUFFERED="1", NO_COLOR="1", TERM="dumb"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            umask=0o077,
            # Ctrl-C is ours to handle: the board is told of it in order.
            start_new_session=True,
        ) as child:
            patience = Patience(child, silent_s)
            try:
                assert child.stdout is not None
                for line in child.stdout:
                    patience.renew()
                    lines.append(line.rstrip())
                    percent = _PERCENT.search(line)
                    if said and percent:
                        said(f"{percent[1]} %")
                status = child.wait()
            finally:
                patience.end()
                _end(child)
        if patience.is_over:
            raise BoardError(
                f"the chip at {self.port} said nothing for {silent_s:.0f} s; {_AGAIN}"
            )
        if status:
            raise failure(self.port, "\n".join(lines))
        return "\n".join(lines)


_AGAIN = "run the same command again, with a shorter cable or --baud 115200 if it stays so"


# What esptool says, and what that means for the person at the bench.
_NO_BOOT_LOADER = (
    "the chip at {port} does not enter its boot loader; hold its BOOT button, press RESET, let "
    "BOOT go and run the same command again"
)
_MEANINGS = (
    ("could not open", "{port} is taken or gone; close other programs, plug the board in"),
    ("wrong chip argument", "another board was plugged in meanwhile; plug the first one in again"),
    ("failed to connect", _NO_BOOT_LOADER),
    ("no serial data received", _NO_BOOT_LOADER),
    ("stopped responding", "the chip at {port} stopped answering; " + _AGAIN),
    ("write timeout", "the chip at {port} stopped answering; " + _AGAIN),
    ("serial exception", "{port} went away; plug the board in again, then run the same command"),
    ("will not fit", "the image is larger than the board's flash; take one for this board"),
    ("secure boot", "the board is locked by secure boot; it takes no other firmware"),
    ("flash encryption", "the board is locked by flash encryption; it takes no other firmware"),
)


class _MismatchError(BoardError):
    """The flash holds something else."""


def _end(child: "subprocess.Popen[str]") -> None:
    if child.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGTERM)
        try:
            child.wait(_END_S)
        except subprocess.TimeoutExpired:
            child.kill()


def failure(port: str, said: str) -> BoardError:
    """Return what esptool's words mean for the person at the bench."""
    if "Verification failed" in said or "digest mismatch" in said:
        return _MismatchError("the flash does not hold what was written")
    for words, meaning in _MEANINGS:
        if words.lower() in said.lower():
            return BoardError(meaning.format(port=port))
    # esptool's own errors start so; a traceback's reason comes last, but for a line of advice.
    lines = [line for line in said.splitlines() if line.strip() and "http" not in line]
    own = [line for line in lines if "error" in line.lower()]
    last = one_line(own[-1] if own else lines[-1] if lines else "nothing", 120)
    return BoardError(f"the board at {port} failed ({last}); {_AGAIN}")
