"""`ways-device` alone: what is here, and the one command to go on with. It asks no network."""

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import Any

from ways_device import secrets
from ways_device.errors import ToolError
from ways_device.secrets import one_line

# An info file is small, and where somebody keeps a thousand other files we do not read them all.
_FILE_BYTES_MAX = 4096
_FILES_MAX = 2000
_SHOWN_MAX = 9
_WIDTH = 74
_CELL = 54
_SANDBOX = ("api_url", "mqtt_tls_port", "pid")
_BOARD = ("port", "unique_id", "pid")
_REAL = "https://api.wayscloud.services"


@dataclass(frozen=True)
class Begun:
    """A device whose provisioning was not finished."""

    origin: str
    device_id: str
    state: str


@dataclass
class Here:
    """What was found: sandboxes as API address and info file, boards as ports."""

    sandboxes: dict[str, str] = field(default_factory=dict)
    ports: list[str] = field(default_factory=list)
    begun: list[Begun] = field(default_factory=list)
    # Platforms on which a probe that was killed left something.
    probed: list[str] = field(default_factory=list)

    def lines(self) -> list[tuple[str, str]]:
        """Return what there is, as pairs of words."""
        found = [("a sandbox runs", path) for path in self.sandboxes.values()]
        found += [("a board", port) for port in self.ports]
        found += [("begun, not finished", f"{one.device_id} ({one.state})") for one in self.begun]
        found += [("a probe was broken off", origin) for origin in self.probed]
        return found

    def command(self) -> str:
        """Return the one command to go on with."""
        if self.begun:
            one = self.begun[0]
            name = f"provision --name NAME --device-id {quote(one.device_id)}"
            return f"{name}{self._platform(one.origin)}{self._port()}"
        if self.probed:
            return f"probe{self._platform(self.probed[0])}"
        if self.ports:
            where = f" --sandbox {self._info()}" if self.sandboxes else ""
            return f"provision --name NAME --wifi-file FILE{where}{self._port()}"
        if self.sandboxes:
            return "vboard start --info-file board.json"
        return "demo"

    def why(self) -> str:
        if self.begun:
            first = "" if self.ports else "plug the board in first; "
            return f"{first}goes on with what was begun"
        if self.probed:
            return "deletes what the probe left, and probes"
        if self.ports:
            return "makes the board a device"
        if self.sandboxes:
            return "runs a board without hardware; or plug a real one in"
        return "plays the whole way of a reading here, without hardware or account"

    def _info(self) -> str:
        return quote(next(iter(self.sandboxes.values())))

    def _port(self) -> str:
        return f" --port {quote(self.ports[0])}" if self.ports else ""

    def _platform(self, origin: str) -> str:
        if origin in self.sandboxes:
            return f" --sandbox {quote(self.sandboxes[origin])}"
        if origin.startswith("http:"):
            # Its sandbox is not running, or its info file is in another folder.
            return " --sandbox INFO"
        return "" if origin == _REAL else f" --api-url {quote(origin)}"


def look(folder: Path, usb_ports: list[str] | None = None) -> Here:
    """Return what is in this folder, on this computer's ports and in the journal."""
    here = Here()
    for name, info in _infos(folder):
        if all(key in info for key in _SANDBOX):
            here.sandboxes[one_line(str(info["api_url"]))] = name
        elif all(key in info for key in _BOARD):
            here.ports.append(one_line(str(info["port"])))
    here.ports += _usb_ports() if usb_ports is None else usb_ports
    with contextlib.suppress(ToolError, OSError):
        home = secrets.home()
        here.begun = [
            Begun(*(one_line(str(item[key])) for key in ("origin", "device_id", "state")))
            for item in _documents(home / "journal")
            if {"origin", "device_id", "state"} <= set(item) and item["state"] != "done"
        ]
        here.probed = [
            one_line(str(item["origin"])) for item in _documents(home / "probe") if "made" in item
        ]
    return here


def text(here: Here) -> str:
    """Return what to say about it, no line over 80 columns unless a path is longer."""
    lines = ["Here now:"]
    found = here.lines()
    lines += [f"  {what:24}{one_line(which, _CELL)}" for what, which in found[:_SHOWN_MAX]]
    if not found:
        lines.append("  no board on USB, no sandbox's or board's info file in this folder")
    lines += ["", f"Next ({here.why()}):"]
    return "\n".join([*lines, *_folded(f"ways-device {here.command()}")]) + "\n"


def _folded(command: str) -> list[str]:
    """Return the command on lines that a shell reads as one."""
    first, *options = command.split(" --")
    lines = [f"  {first}"]
    for option in options:
        if len(lines[-1]) + len(option) > _WIDTH:
            lines[-1] += " \\"
            lines.append("     ")
        lines[-1] += f" --{option}"
    return lines


def _infos(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the info files of running programs."""
    for path, found in _files(folder):
        pid = found.get("pid")
        if isinstance(pid, int) and _runs(pid):
            yield one_line(path.name), found


def _documents(folder: Path) -> list[dict[str, Any]]:
    return [found for _, found in _files(folder)]


def _files(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted(folder.glob("*.json"))[:_FILES_MAX]:
        with contextlib.suppress(OSError, ValueError, RecursionError):
            if path.is_file() and path.stat().st_size <= _FILE_BYTES_MAX:
                found = json.loads(path.read_text("utf-8"))
                if isinstance(found, dict):
                    yield path, found


def _runs(pid: int) -> bool:
    if sys.platform == "win32":
        # There a signal of this number is no question but Ctrl-C.
        return True
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def _usb_ports() -> list[str]:
    from serial.tools.list_ports import comports

    return sorted(port.device for port in comports() if port.vid is not None)
