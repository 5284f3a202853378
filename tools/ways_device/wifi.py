"""The Wi-Fi networks a board is given: from a private file, or asked for."""

import getpass
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from ways_device.errors import UsageError
from ways_device.secrets import readable_by_others

_FORM = '[{"ssid": "...", "password": "...", "priority": 1}]'
_MAX_NETWORKS = 8
# Limits of IEEE 802.11 and WPA, in bytes.
_SSID_MAX = 32
_PASSWORD_MIN = 8
_PASSWORD_MAX = 64


@dataclass(frozen=True)
class Network:
    """One network. An empty password means an open one; a higher priority is tried first."""

    ssid: str
    password: str
    priority: int = 0

    def __repr__(self) -> str:
        # A dataclass would print the password into any message that shows a network.
        return f"Network({self.ssid!r})"

    def as_json(self) -> dict[str, str | int]:
        return asdict(self)


def load(path: Path | None, warn: Callable[[str], None]) -> list[Network]:
    """Return the networks of the file, or of a prompt where there is none."""
    return _ask() if path is None else parse(read(path, warn), str(path))


def read(path: Path, warn: Callable[[str], None]) -> str:
    """Return the text of a Wi-Fi file. Raises UsageError; warns if others can read it."""
    try:
        text = path.read_text("utf-8")
        if readable_by_others(path):
            warn(f"{path}: others can read these passwords; run: chmod 600 {path}")
        return text
    except OSError as exc:
        raise UsageError(f"cannot read the Wi-Fi file {path}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise UsageError(f"{path}: not text in UTF-8; the form is {_FORM}") from exc


def parse(text: str, source: str) -> list[Network]:
    """Return the networks written in text. Errors name the place, never a password."""
    try:
        found = json.loads(text)
    except ValueError as exc:
        # A JSON error's own text can quote the line, and with it a password.
        line = getattr(exc, "lineno", 1)
        raise UsageError(f"{source}: not JSON (line {line}); the form is {_FORM}") from None
    if not isinstance(found, list) or not found:
        raise UsageError(f"{source}: a list of networks is expected: {_FORM}")
    if len(found) > _MAX_NETWORKS:
        raise UsageError(f"{source}: {len(found)} networks; a board keeps {_MAX_NETWORKS}")
    return [_network(item, f"{source}: network {n}") for n, item in enumerate(found, 1)]


def _network(item: object, where: str) -> Network:
    if not isinstance(item, dict):
        raise UsageError(f"{where}: an object is expected: {_FORM}")
    unknown = sorted(set(item) - {"ssid", "password", "priority"})
    if unknown:
        raise UsageError(f"{where}: unknown key {unknown[0]!r}; the form is {_FORM}")
    ssid, password = item.get("ssid"), item.get("password", "")
    priority = item.get("priority", 0)
    if not isinstance(ssid, str) or not 0 < len(ssid.encode()) <= _SSID_MAX:
        raise UsageError(f"{where}: ssid must be a text of 1 to 32 bytes")
    size = len(password.encode()) if isinstance(password, str) else -1
    if size != 0 and not _PASSWORD_MIN <= size <= _PASSWORD_MAX:
        raise UsageError(f"{where}: password must be 8 to 64 bytes, or empty for an open network")
    if isinstance(priority, bool) or not isinstance(priority, int):
        raise UsageError(f"{where}: priority must be a whole number")
    return Network(ssid, str(password), priority)


def _ask() -> list[Network]:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"no Wi-Fi network: give --wifi-file FILE, which holds {_FORM}")
    print("Wi-Fi network (ssid): ", end="", file=sys.stderr, flush=True)
    ssid = sys.stdin.readline().strip()
    password = getpass.getpass(f"password of {ssid} (empty if open): ", sys.stderr)
    return [_network({"ssid": ssid, "password": password}, "the prompt")]
