"""Serial ports: which one the board is at, and opening it for this process alone."""

import errno
import os
import re
import time
from contextlib import suppress

from serial import Serial, SerialException
from serial.tools.list_ports import comports

from ways_device.errors import BoardError, UsageError
from ways_device.secrets import one_line

__all__ = ["Serial", "SerialException", "board_ports", "close_port", "find_port", "open_port"]

_TAKEN_S = 3.0
_SHORTCUTS = {"a": "/dev/ttyACM", "u": "/dev/ttyUSB", "c": "COM"}


def find_port(chosen: str | None) -> str:
    """Return the port to use: the chosen one, mpremote's shortcuts included, or the only one."""
    if chosen:
        shortcut = re.fullmatch(r"([auc])(\d+)", chosen)
        if shortcut:
            return _SHORTCUTS[shortcut[1]] + shortcut[2]
        if chosen.startswith("id:"):
            return _port_of_serial_number(chosen[3:])
        # A symlink to a pty is several times slower than the pty itself.
        path = chosen.removeprefix("port:")
        return os.path.realpath(path) if os.path.islink(path) else path
    found = [port for port in comports() if port.vid is not None]
    if not found:
        raise UsageError("no board found on USB; plug it in, or name its port with --port")
    if len(found) > 1:
        listed = ", ".join(f"{port.device} ({port.description})" for port in sorted(found))
        raise UsageError(f"several boards are plugged in: {listed}; choose one with --port")
    return str(found[0].device)


def board_ports() -> list[str]:
    """Return the ports of all boards that are plugged in on USB."""
    return sorted(str(port.device) for port in comports() if port.vid is not None)


def _port_of_serial_number(number: str) -> str:
    for port in comports():
        if port.serial_number == number:
            return str(port.device)
    raise UsageError(f"no board with serial number {one_line(number)} is plugged in")


def open_port(port: str) -> Serial:
    """Open the port for this process alone. Raises BoardError that says why it cannot be."""
    end_s = time.monotonic() + _TAKEN_S
    while True:
        try:
            return Serial(port, 115200, timeout=0.05, write_timeout=2, exclusive=True)
        except (SerialException, OSError, ValueError) as exc:
            taken = "exclusively lock" in str(exc) or _errno(exc) == errno.EBUSY
            # A program that was just ended may need a moment to let go of the port.
            if not taken or time.monotonic() > end_s:
                raise _port_error(port, exc, taken) from exc
        time.sleep(0.2)


def _errno(exc: Exception) -> int:
    return getattr(exc, "errno", None) or 0


def _port_error(port: str, exc: Exception, taken: bool) -> BoardError:
    if taken:
        return BoardError(
            f"{port} is taken: another program (mpremote, a serial monitor) has it open; close it"
        )
    if _errno(exc) in (errno.ENOENT, errno.ENXIO, errno.ENODEV):
        return BoardError(f"{port}: there is no such port; is the board plugged in?")
    if _errno(exc) in (errno.EACCES, errno.EPERM):
        return BoardError(
            f"{port}: you may not use it; add yourself to the group that owns it (often "
            "dialout) and log in again"
        )
    return BoardError(f"{port} is not a serial port of a board")


def close_port(link: Serial) -> None:
    """Close without resetting the chip: RTS first, as its two lines make a reset."""
    with suppress(OSError):
        link.rts = False
        link.dtr = False
    with suppress(OSError):
        link.close()
