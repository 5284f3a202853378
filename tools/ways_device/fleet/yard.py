"""The ports that boards are plugged into, and which of them has a board that is new."""

import os
from collections.abc import Sequence

from ways_device import context
from ways_device.board import Board
from ways_device.errors import UsageError
from ways_device.serialport import board_ports, find_port

# A board that resets may take its USB port along for a moment: it is still the same board.
GONE_LOOKS = 10


class Yard:
    """The ports a run may use: those named, or all that have a board."""

    def __init__(self, ports: Sequence[str] | None) -> None:
        self._named = ports

    def present(self) -> list[str]:
        """Return the ports that are there now."""
        if self._named is None:
            return board_ports()
        return [port for port in self._named if not port.startswith("/") or os.path.exists(port)]

    def absent(self) -> list[str]:
        """Return the ports that were named and are not there."""
        present = self.present()
        return [port for port in self._named or () if port not in present]

    def open(self, port: str) -> Board:
        """Return the board at a port. Nothing is sent to it yet."""
        return context.open_board(port)


def named(text: str) -> Sequence[str] | None:
    """Return the ports of --ports, None for auto. Raises UsageError."""
    if text == "auto":
        return None
    ports = [find_port(part.strip()) for part in text.split(",") if part.strip()]
    if not ports or len(set(ports)) < len(ports):
        raise UsageError("--ports: auto, or ports with commas between them, each once")
    return ports


class Arrivals:
    """Tells new boards from those that were there before."""

    def __init__(self, yard: Yard) -> None:
        self._yard = yard
        # How often a port that was given out has been looked for in vain.
        self._absent: dict[str, int] = {}

    def new(self, busy: set[str]) -> list[str]:
        """Return the ports with a board that nobody was told of; busy ones are left alone."""
        present = self._yard.present()
        for port in list(self._absent):
            if port in present or port in busy:
                self._absent[port] = 0
            else:
                self._absent[port] += 1
                if self._absent[port] >= GONE_LOOKS:
                    del self._absent[port]
        fresh = [port for port in present if port not in self._absent and port not in busy]
        self._absent.update(dict.fromkeys(fresh, 0))
        return fresh
