"""One run of the chip, from a reset to the next: a process, its terminal and its wire.

The wire's messages are described in chip/_chip/host.py.
"""

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import termios
from pathlib import Path
from typing import Any

from ways_device.errors import ToolError
from ways_device.vboard import pty_pair

_CHIP = Path(__file__).parent / "chip"
_CTRL_C = b"\x03"
_LFLAG = 3
_END_TIMEOUT_S = 5
_PENDING_MAX_BYTES = 65536


class Interpreter:
    def __init__(
        self,
        command: list[str],
        environment: dict[str, str],
        first_message: dict[str, Any],
    ) -> None:
        """Start a chip. Raises ToolError if the program cannot be run."""
        self.tty, self._slave = pty_pair.open_raw(interrupts=True)
        self._wire, theirs = socket.socketpair()
        self._wire.setblocking(False)
        theirs.setblocking(False)
        self.wire = self._wire.fileno()
        self._rest = b""
        self._input = b""
        self._is_leaving = False
        self._untaken = b""
        # Said before the chip runs: it begins with reading that.
        self.tell(first_message)
        # A Ctrl-C that comes before the chip can take it waits: the mask is inherited, and the
        # signal has somebody to go to from the first byte on.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process = subprocess.Popen(
                [*command, "run.py", str(theirs.fileno())],
                stdin=self._slave,
                stdout=self._slave,
                stderr=self._slave,
                env={**os.environ, "TZ": "UTC0", **environment},
                cwd=_CHIP,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
                preexec_fn=_own_terminal,  # noqa: PLW1509  # the supervisor is one thread
            )
        except OSError as exc:
            self._close()
            raise ToolError(f"{command[0]}: {exc.strerror}; it should be MicroPython") from exc
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            theirs.close()

    def tell(self, message: dict[str, Any]) -> None:
        """Send a message to the chip."""
        # One that has ended, or takes in nothing, is not ours to complain about.
        with contextlib.suppress(OSError):
            self._wire.sendall(json.dumps(message).encode() + b"\n")

    def messages(self) -> list[dict[str, Any]] | None:
        """Return what the chip has said by now, None once it has ended and all is said."""
        try:
            data = self._wire.recv(65536)
        except BlockingIOError:
            return []
        except ConnectionResetError:
            return None
        if not data:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def output(self) -> bytes:
        """Return what the chip has printed by now."""
        try:
            return os.read(self.tty, 65536)
        except OSError:
            return b""

    def type(self, data: bytes) -> None:
        """Let the chip read data; what it cannot take yet is kept, see is_blocked."""
        self._input += data
        self.flush()

    def leave(self) -> None:
        """Let the chip read no more: it has said that it ends. What is typed is kept."""
        self._is_leaving = True

    @property
    def is_blocked(self) -> bool:
        """Whether the chip has not taken all of its input: call flush() soon."""
        return bool(self._input) and not self._is_leaving

    @property
    def is_choked(self) -> bool:
        """Whether it is better not to type more for now."""
        return len(self._input) > _PENDING_MAX_BYTES

    def flush(self) -> None:
        """Pass on the input that waits, as far as there is room."""
        if self._is_leaving:
            return
        room = max(0, pty_pair.ROOM - pty_pair.unread(self._slave))
        if self._input and not room:
            self._let_interrupt_through()
        if self._input and room:
            self._input = self._input[pty_pair.put(self.tty, self._input[:room]) :]

    def _let_interrupt_through(self) -> None:
        """Drop what a program does not read, if there is a Ctrl-C behind it.

        A chip sees Ctrl-C as it arrives; a full terminal would not look at it.
        """
        at = self._input.rfind(_CTRL_C)
        if at >= 0 and termios.tcgetattr(self._slave)[_LFLAG] & termios.ISIG:
            termios.tcflush(self._slave, termios.TCIFLUSH)
            self._input = self._input[at:]

    def cut(self) -> None:
        """Kill it at once and wait until it is gone."""
        self._process.kill()
        self.end()

    def end(self) -> int:
        """Wait for the end of a chip that has left; return the process's exit status."""
        try:
            status = self._process.wait(_END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        self._untaken = self._read_back()
        self._close()
        return status

    def _read_back(self) -> bytes:
        """Take what the chip has not read out of its terminal."""
        data = b""
        os.set_blocking(self._slave, False)
        with contextlib.suppress(OSError):
            while more := os.read(self._slave, pty_pair.ROOM):
                data += more
        return data

    def unheard(self, interrupted: bool) -> bytes:
        """Return, after end(), what was typed too late for this chip and is for the next.

        Of what the chip left unread that is only a Ctrl-C and what follows it.
        interrupted: it took a Ctrl-C in and did nothing about it.
        """
        left = _CTRL_C + self._untaken if interrupted else self._untaken
        at = left.find(_CTRL_C)
        return (left[at:] if at >= 0 else b"") + self._input

    def _close(self) -> None:
        os.close(self.tty)
        os.close(self._slave)
        self._wire.close()


def _own_terminal() -> None:
    """Make stdin the terminal of the new session: without one a Ctrl-C is nobody's and is lost."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
