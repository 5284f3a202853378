"""The board around the chip: power switch, resets, watchdog, sleep."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ways_device import toolchain
from ways_device.errors import ToolError
from ways_device.vboard.clock import Clock
from ways_device.vboard.interpreter import Interpreter
from ways_device.vboard.line import Line
from ways_device.vboard.loop import Loop
from ways_device.vboard.port import Port
from ways_device.vboard.store import Store
from ways_device.vboard.world import World

# What machine.reset_cause() tells.
_POWER_ON, _HARD, _WATCHDOG, _DEEP_SLEEP, _SOFT = 1, 2, 3, 4, 5
# Files of the run folder. RTC memory survives all but a power cut, the radio's state only a
# soft reset; a power cut sets the clock to 2000.
_RTC, _RADIO, _CLOCK = "rtc", "radio", "clock"
_START_TIMEOUT_S = 10
_MAX_CRASHES = 5
_CRASHES_FORGOTTEN_S = 10
_RESOLV_CONF = Path("/etc/resolv.conf")
_NO_NAME_SERVER = "127.0.0.1"


class Board:
    def __init__(
        self, loop: Loop, store: Store, heap_kb: int, on_ready: Callable[[], None]
    ) -> None:
        """Prepare a board that is without power. on_ready() follows its first start."""
        self._loop = loop
        self._store = store
        self._on_ready = on_ready
        program = toolchain.micropython()
        self._command = [str(program), "-X", f"heapsize={heap_kb}K"]
        self._lib = str(toolchain.device_lib())
        self.clock = Clock(store.run_folder / _CLOCK, program, toolchain.libfaketime())
        self.world = World(loop, self._tell_chip)
        self.port = Port()
        self._line = Line(loop, self.port, before_input=self._listen_to_chip)
        self._chip: Interpreter | None = None
        # The last word of a chip that is about to end: how to go on.
        self._farewell: dict[str, Any] = {}
        self._watchdog_s = 0.0
        self._haste = 1.0
        self._has_power = False
        self._is_ready = False
        self._crashes = 0
        self._failure: ToolError | None = None

    def close(self) -> None:
        self.power_off()
        self._line.close()
        self.port.close()

    def run(self) -> None:
        """Switch the power on and serve the board until the loop stops.

        Raises ToolError if the chip cannot be started, or ends again and again by itself.
        """
        self._loop.call_later("start", _START_TIMEOUT_S, self._fail_to_start)
        self.power_on()
        self._loop.run()
        if self._failure:
            raise self._failure

    # Power

    def power_on(self) -> None:
        """Do nothing if the power is on already."""
        if not self._has_power:
            self._has_power = True
            (self._store.run_folder / _RTC).unlink(missing_ok=True)
            self.clock.reset()
            self._start(_POWER_ON)

    def power_off(self) -> None:
        """Stop the chip in the middle of whatever it does; the port stays, dead."""
        self._has_power = False
        self._disarm_watchdog()
        self._stop_chip()

    def brown_out(self) -> None:
        """Let the voltage dip: the chip starts as from a power-on, but RTC memory lives."""
        if self._has_power:
            self._stop_chip()
            self._start(_POWER_ON)

    def panic(self) -> None:
        """Have the chip's own code fail, which resets it as machine.reset() does."""
        if self._has_power:
            self._stop_chip()
            self._start(_HARD)

    def hurry(self, factor: float) -> None:
        """Let time pass so many times as fast for the watchdog that is armed next."""
        self._haste = factor

    def _stop_chip(self) -> None:
        self._loop.cancel("wake")
        if self._chip:
            self._take_chip_out().cut()

    # Resets

    def _start(self, cause: int, raw: bool = False, typed: bytes = b"") -> None:
        """Start a chip. typed: what it finds on its line."""
        if cause != _SOFT:
            self._disarm_watchdog()
            (self._store.run_folder / _RADIO).unlink(missing_ok=True)
        first_message = {
            **self._surroundings(),
            "dir": str(self._store.folder),
            "run": str(self._store.run_folder),
            "lib": self._lib,
            "unique_id": self._store.unique_id,
            "cause": cause,
            "raw": raw,
            "dns": _name_server(),
            "clock_is_shifted": self.clock.is_shifted,
        }
        self._farewell = {}
        self._chip = Interpreter(self._command, self.clock.environment, first_message)
        self._chip.type(typed)
        self._loop.watch(self._chip.wire, self._listen_to_chip)
        self._line.connect(self._chip)

    def _take_chip_out(self) -> Interpreter:
        assert self._chip
        chip, self._chip = self._chip, None
        self._loop.unwatch(chip.wire)
        self._line.drain()
        self._line.disconnect()
        return chip

    def _on_end(self) -> None:
        """Go on as the chip has said before it ended."""
        chip = self._take_chip_out()
        status = chip.end()
        kind = self._farewell.get("reset")
        unheard = chip.unheard(self._farewell.get("interrupted", False))
        if kind == "soft":
            self._start(_SOFT, self._farewell["raw"], unheard)
        elif kind == "hard":
            self._start(_HARD, typed=unheard)
        elif kind == "sleep":
            self._disarm_watchdog()
            if self._farewell["ms"] is not None:
                self._loop.call_later("wake", self._farewell["ms"] / 1000, self._wake)
        else:
            self._on_crash(status)

    def _wake(self) -> None:
        self._start(_DEEP_SLEEP)

    def _on_crash(self, status: int) -> None:
        self._crashes += 1
        self._loop.call_later("crashes", _CRASHES_FORGOTTEN_S, self._forget_crashes)
        if not self._is_ready:
            self._fail("ended before it was up")
        elif self._crashes == _MAX_CRASHES:
            self._fail("crashed again and again")
        else:
            self._print(f"the interpreter ended with status {status}; hard reset")
            self._start(_HARD)

    def _forget_crashes(self) -> None:
        self._crashes = 0

    def _fail_to_start(self) -> None:
        self._fail(f"was not up after {_START_TIMEOUT_S} s")

    def _fail(self, what: str) -> None:
        lines = self.port.recent.decode("utf-8", "replace").strip().splitlines()
        last = f" ({lines[-1]})" if lines else ""
        self._failure = ToolError(
            f"the chip {what}{last}; see that {self._command[0]} is MicroPython 1.25 or newer, "
            "or give it more memory with --heap-kb"
        )
        self._loop.stop()

    def _print(self, words: str) -> None:
        self.port.write(f"\r\nvirtual board: {words}\r\n".encode())

    # The wire

    def _listen_to_chip(self) -> None:
        messages = self._chip.messages() if self._chip else []
        for message in messages or ():
            self._on_message(message)
        if messages is None:
            self._on_end()

    def _on_message(self, message: dict[str, Any]) -> None:
        if "feed" in message:
            self._feed_watchdog()
        elif "wdt_ms" in message:
            self._watchdog_s = message["wdt_ms"] / 1000 / self._haste
            self._feed_watchdog()
        elif "reset" in message:
            self._farewell = message
            if self._chip:
                self._chip.leave()
        elif "up" in message and not self._is_ready:
            self._is_ready = True
            self._loop.cancel("start")
            self._on_ready()

    def _surroundings(self) -> dict[str, Any]:
        return {"adc_mv": self.world.adc_mv, "air": asdict(self.world.air)}

    def _tell_chip(self) -> None:
        if self._chip:
            self._chip.tell(self._surroundings())

    # The watchdog

    def _feed_watchdog(self) -> None:
        if self._watchdog_s:
            self._loop.call_later("watchdog", self._watchdog_s, self._bite)

    def _disarm_watchdog(self) -> None:
        self._watchdog_s = 0.0
        self._loop.cancel("watchdog")

    def _bite(self) -> None:
        # On a busy host a feed can have come in time and not been heard yet.
        self._listen_to_chip()
        if not self._chip or self._loop.is_set("watchdog") or not self._watchdog_s:
            return
        self._print(f"the watchdog was not fed for {self._watchdog_s:g} s; reset")
        self._take_chip_out().cut()
        self._start(_WATCHDOG)


def _name_server() -> str:
    """Return the host's first IPv4 name server: the network of the board offers the same."""
    try:
        lines = _RESOLV_CONF.read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver" and ":" not in words[1]:
            return words[1]
    return _NO_NAME_SERVER
