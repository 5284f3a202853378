"""A board at a port: held, or with the agent running, and what a check asks of it."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from serial.tools.list_ports import comports

from ways_device import onboard
from ways_device.board import CONFIG_PATH, Board, Facts
from ways_device.boardlink import BoardLink, Run
from ways_device.bytecode import AGENT_PATH, DeviceFile
from ways_device.devicelog import Listener

HOLD_S = 3600
ESPRESSIF = 0x303A  # of USB's vendor ids
CHIP = Path(__file__).parent / "chip"
# How long a program waits before it speaks, so that somebody listens by then.
LISTEN_MS = 2500
_SILENT_S = 15.0
NO_AGENT = "this is about the agent in memory, and the board holds none: run ways-device deploy"
# What the REPL says when the chip has started: after boot.py and main.py, which do nothing held.
BANNER = r"MicroPython v\d"
# The programs of the host tool that come before one of ours.
_NETWORK = ("slots", "exchange", "broker", "network")
_PARTS = {
    "flash": (("common",), ("ticker",)),
    "radio": (("common",), ("join",)),
    "scan": (("common",), ("ticker",)),
    "tls": (("common", *_NETWORK), ("ticker", "join")),
}


def program(name: str, args: object) -> str:
    """Return the text of a program of chip/ with its call."""
    theirs, ours = _PARTS.get(name, (("common",), ()))
    folder = files(onboard)
    texts = [folder.joinpath(f"{part}.py").read_text("utf-8") for part in theirs]
    texts += [(CHIP / f"{part}.py").read_text("utf-8") for part in (*ours, name)]
    return "\n".join(texts) + f"\nmain(json.loads({json.dumps(args)!r}))\n"


class Bench:
    """The one board of a run. It is left running, with the settings that it came with."""

    def __init__(self, port: str) -> None:
        self.port = port
        self._link = BoardLink(port)
        self.board = Board(self._link)
        self.facts: Facts = self.board.facts([], [])
        self.is_held = False

    @property
    def is_own_usb(self) -> bool:
        """Tell whether the port is made by the chip itself: it is gone while the chip sleeps."""
        return any(one.device == self.port and one.vid == ESPRESSIF for one in comports())

    def has_agent(self) -> bool:
        """Tell whether the agent's code is there by now; held."""
        self.hold()
        return bool(self.board.facts([], [AGENT_PATH]).hashes.get(AGENT_PATH))

    def hold(self) -> None:
        """Have the board up and doing nothing, with no watchdog left from before."""
        if not self.is_held:
            self.board.hold_and_reset(HOLD_S)
            self.is_held = True

    def release(self) -> None:
        """Let the board run whatever it has."""
        self.board.release()
        self.is_held = False

    def is_left_running(self) -> None:
        """Note that a command of the host tool has let the agent run."""
        self.is_held = False

    def ask(
        self, name: str, args: object = None, silent_s: float = _SILENT_S, resets: bool = True
    ) -> list[dict[str, Any]]:
        """Run a program of chip/ on the held board; return its answers."""
        self.hold()
        return self._link.session([Run(program(name, args))], silent_s, resets=resets)

    def cause(self) -> str:
        """Return the cause of the last start, as machine names it: a soft reset would be one."""
        return str(self.board.ask("cause", None, resets=False)[0]["cause"])

    @contextmanager
    def begun(self, name: str, args: dict[str, Any]) -> Iterator["Heard"]:
        """Start a program of chip/ that speaks after LISTEN_MS, and listen."""
        self.hold()
        text = program(name, {**args, "wait_ms": LISTEN_MS})
        self._link.session([Run(text, ends=False)], _SILENT_S)
        with self.listening() as heard:
            yield heard

    @contextmanager
    def listening(self) -> Iterator["Heard"]:
        with Listener(self.port) as listener:
            yield Heard(listener)

    def hard_reset(self) -> None:
        """Reset the held board by its own command, and return when it is up again."""
        self.board.hold_and_reset(HOLD_S)

    def settings(self) -> str | None:
        """Return the text of the board's settings file, held."""
        self.hold()
        return self.board.facts([], []).config

    def restore(self, config: str, *drivers: str) -> None:
        """Put back these settings, and remove these drivers of the checklist's; held."""
        self.hold()
        self.board.install([DeviceFile(CONFIG_PATH, config.encode())], [])
        self.ask("clean", {"drivers": drivers})


class Heard:
    """What a board says, line by line, with the moment at which each line came."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._waiting: list[str] = []
        self.lines: list[str] = []

    def wait(self, pattern: str, within_s: float) -> tuple[re.Match[str], float]:
        """Return the next match of the pattern and when it came, of time.monotonic()."""
        end_s = time.monotonic() + within_s
        while True:
            # A short wait: when a line came is known that well only.
            self._waiting += self._listener.lines(0.02)
            while self._waiting:
                line = self._waiting.pop(0)
                self.lines.append(line)
                if found := re.search(pattern, line):
                    return found, time.monotonic()
            assert time.monotonic() < end_s, (
                f"no line with {pattern!r} within {within_s:.0f} s in:\n"
                + "\n".join(self.lines[-30:])
            )

    def take(self, seconds: float) -> None:
        """Listen for so long; what comes is in lines."""
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            self.lines += self._listener.lines(min(1.0, max(0.0, end_s - time.monotonic())))
