"""The one module that knows mpremote exists: how bytes get to a board and back.

mpremote runs as a program, one process for a list of actions, each with a deadline. Secrets
go over in files from a private folder, never in an argument.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ways_device import scratch
from ways_device.errors import BoardError, FlashFullError
from ways_device.onboard import MARK
from ways_device.patience import Patience
from ways_device.secrets import child_environ, one_line
from ways_device.serialport import Serial, SerialException, close_port, open_port

_GREETING_S = 10.0
_PROMPT = b"raw REPL; CTRL-B to exit\r\n>"


@dataclass(frozen=True)
class Copy:
    """Put these bytes into a file on the board."""

    data: bytes
    path: str


@dataclass(frozen=True)
class Run:
    """Run this MicroPython program. A program that never ends is not waited for."""

    source: str
    ends: bool = True


class BoardLink:
    """One board at one port."""

    def __init__(self, port: str, scratch: Path | None = None) -> None:
        """scratch is a private folder for files on their way; default: the system's."""
        self.port = port
        self._scratch = scratch

    def greet(self) -> None:
        """Stop what runs and see the raw prompt. Raises BoardError if it never comes."""
        link = open_port(self.port)
        heard = b""
        try:
            end_s = time.monotonic() + _GREETING_S
            while time.monotonic() < end_s:
                # Ctrl-C ends the program, Ctrl-A asks for the raw prompt.
                link.write(b"\r\x03")
                time.sleep(0.05)
                link.write(b"\r\x01")
                heard = (heard + _read_for(link, 1.0, _PROMPT))[-4096:]
                if heard.endswith(_PROMPT):
                    link.write(b"\r\x02")
                    return
        except (SerialException, OSError) as exc:
            raise BoardError(f"{self.port} went away ({exc}); plug the board in again") from exc
        finally:
            close_port(link)
        raise BoardError(self._no_prompt(heard))

    def _no_prompt(self, heard: bytes) -> str:
        remedy = "is it a board with MicroPython? Press its reset button and try again"
        said = one_line(heard.decode("utf-8", "replace"), 60)
        if not heard:
            return f"{self.port} is silent; {remedy}"
        if not said or set(heard) <= set(b"\r\n\x01\x03^AC"):
            return f"{self.port} only echoes what is sent; {remedy}"
        return f"{self.port} gives no MicroPython prompt (it says: {said}); {remedy}"

    def session(
        self,
        actions: Sequence[Copy | Run],
        silent_s: float,
        copied: Callable[[str], None] | None = None,
        resets: bool = True,
    ) -> list[dict[str, Any]]:
        """Do the actions in one connection, after one soft reset; return the programs' answers.

        silent_s    how long the board may say nothing before it is given up
        copied      is told each path as its copy begins
        resets      whether there is that soft reset; without, what ran is only interrupted
        Raises BoardError, FlashFullError where the board's file system has no room.
        """
        with scratch.folder(self._scratch) as folder:
            command = [*([] if resets else ["resume"]), *_command(actions, folder)]
            return self._execute(command, folder, silent_s, copied)

    def _execute(
        self,
        command: list[str],
        folder: Path,
        silent_s: float,
        copied: Callable[[str], None] | None,
    ) -> list[dict[str, Any]]:
        environ = child_environ(PYTHONUNBUFFERED="1")
        program = [sys.executable, "-m", "mpremote", "connect", self.port]
        lines: list[str] = []
        with subprocess.Popen(
            [*program, *command],
            # Not the user's folder: a file there could answer for one of Python's modules.
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            # Ctrl-C is ours to handle: mpremote would leave the board in mid-sentence.
            start_new_session=True,
        ) as child:
            patience = Patience(child, silent_s)
            try:
                assert child.stdout is not None
                for line in child.stdout:
                    patience.renew()
                    lines.append(line.rstrip())
                    if copied and line.startswith("cp "):
                        copied(line.rsplit(":", 1)[-1].strip())
                status = child.wait()
            finally:
                patience.end()
                child.kill()
        if patience.is_over:
            raise BoardError(
                f"the board at {self.port} did not answer for {silent_s:.0f} s; "
                "press its reset button and try again"
            )
        if status:
            raise self._failure(lines) from RuntimeError("\n".join(lines))
        return [_answer(line) for line in lines if line.startswith(MARK)]

    def _failure(self, lines: list[str]) -> BoardError:
        said = [line for line in lines if line.strip() and not line.startswith(("cp ", MARK))]
        text = "\n".join(said)
        if "ENOSPC" in text or "No space left" in text or "OSError: 28" in text:
            return FlashFullError("the board's flash is full")
        if "failed to access" in text:
            return BoardError(f"{self.port} is taken or gone; close other programs that use it")
        if "could not enter raw repl" in text:
            return BoardError(
                f"the board at {self.port} does not give its prompt; press its reset button"
            )
        if "SerialException" in text or "Input/output error" in text:
            return BoardError(f"{self.port} went away; plug the board in again")
        return BoardError(f"the board said: {one_line(said[-1]) if said else 'nothing'}")


def _read_for(link: Serial, limit_s: float, ending: bytes) -> bytes:
    heard = b""
    end_s = time.monotonic() + limit_s
    while time.monotonic() < end_s and not heard.endswith(ending):
        heard += link.read(max(1, link.in_waiting))
        # A chatterbox is no reason to collect for ever.
        heard = heard[-4096:]
    return heard


def _command(actions: Sequence[Copy | Run], folder: Path) -> list[str]:
    """Return mpremote's arguments for the actions, with their contents in files of folder."""
    words: list[str] = []
    for number, action in enumerate(actions):
        path = folder / str(number)
        if isinstance(action, Copy):
            _private(path, action.data)
            step = ["fs", "-f", "cp", str(path), f":{action.path}"]
        else:
            _private(path, action.source.encode())
            step = ["run", *([] if action.ends else ["--no-follow"]), str(path)]
        words += ["+", *step] if words else step
    return words


def _private(path: Path, data: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)


def _answer(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line[len(MARK) :])
    except ValueError as exc:
        raise BoardError(f"the board's answer is damaged: {one_line(line, 80)}") from exc
    if not isinstance(found, dict):
        raise BoardError(f"the board's answer is damaged: {one_line(line, 80)}")
    return found
