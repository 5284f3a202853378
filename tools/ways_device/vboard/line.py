"""The serial line between the port and the chip: passes bytes on, and never holds more than a
little of them."""

from collections.abc import Callable

from ways_device.vboard.interpreter import Interpreter
from ways_device.vboard.loop import Loop
from ways_device.vboard.port import Port

# How soon to look again whether the reader at the other end of a terminal has made room.
_RETRY_S = 0.002


class Line:
    def __init__(self, loop: Loop, port: Port, before_input: Callable[[], None]) -> None:
        """before_input() is called before the chip gets what the host has sent."""
        self._loop = loop
        self._port = port
        self._before_input = before_input
        self._chip: Interpreter | None = None
        self._listens_to_port = False
        self._listens_to_chip = False
        self._listen()

    def close(self) -> None:
        self.disconnect()
        self._loop.unwatch(self._port.fd)

    def connect(self, chip: Interpreter) -> None:
        self._chip = chip
        self._listen()

    def disconnect(self) -> None:
        """Leave the port without a chip: what the host sends is lost, as with a board's."""
        if self._chip and self._listens_to_chip:
            self._loop.unwatch(self._chip.tty)
        self._chip = None
        self._listens_to_chip = False
        self._listen()

    def drain(self) -> None:
        """Pass on the last words of a chip that has ended."""
        while self._chip and (output := self._chip.output()):
            self._port.write(output)

    def _listen(self) -> None:
        """Watch those ends whose bytes there is room for; look again soon at what is not gone."""
        chip = self._chip
        wants_port = not (chip and chip.is_choked)
        if wants_port != self._listens_to_port:
            self._toggle(self._port.fd, wants_port, self._on_port)
            self._listens_to_port = wants_port
        wants_chip = bool(chip) and not self._port.is_blocked
        if chip and wants_chip != self._listens_to_chip:
            self._toggle(chip.tty, wants_chip, self._on_chip)
            self._listens_to_chip = wants_chip
        if self._port.has_more or (chip and chip.is_blocked):
            self._loop.call_later("line", _RETRY_S, self._retry)

    def _toggle(self, fd: int, on: bool, call: Callable[[], None]) -> None:
        if on:
            self._loop.watch(fd, call)
        else:
            self._loop.unwatch(fd)

    def _retry(self) -> None:
        self._port.flush()
        if self._chip:
            self._chip.flush()
        self._listen()

    def _on_port(self) -> None:
        data = self._port.read()
        self._before_input()
        if self._chip:
            self._chip.type(data)
        self._listen()

    def _on_chip(self) -> None:
        if self._chip:
            self._port.write(self._chip.output())
        self._listen()
