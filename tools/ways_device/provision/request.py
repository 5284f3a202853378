"""What a user asks of `provision`, checked as far as this computer alone can."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ways_device.api.credentials import is_device_id
from ways_device.bytecode import DeviceFile
from ways_device.errors import UsageError
from ways_device.secrets import one_line

DEFAULT_INTERVAL_S = 60
_MAX_INTERVAL_S = 86400
_NAME_LENGTHS = range(3, 101)
_DEFAULT_SENSORS = ({"kind": "internal_temperature"},)
_LOG_LEVELS = ("E", "W", "I", "D")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,9}\.[0-9]{1,9}")
# These have options of their own, or are not the user's to choose.
_OWN_OPTIONS = {
    "interval_s": "--interval",
    "sensors": "--sensor",
    "log_level": "--log-level",
    "rev": "nothing: it counts by itself",
}


@dataclass(frozen=True)
class Request:
    """One call of `provision`. None stands for what the user left out."""

    name: str
    device_id: str | None = None
    profile: str | None = None
    interval_s: int | None = None
    sensors: Sequence[dict[str, Any]] = _DEFAULT_SENSORS
    # Of the user's own: what goes on the board beside the agent.
    drivers: Sequence[DeviceFile] = ()
    ca_file: Path | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    log_level: str = "I"
    # The sandbox checks that no reading is lost by boot and seq in telemetry.
    for_sandbox: bool = False
    wait_s: float = 120.0
    # Made if the account has none of this name.
    group: str | None = None
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.name) not in _NAME_LENGTHS or not self.name.isprintable():
            raise UsageError("--name: 3 to 100 printable characters are expected")
        if self.device_id is not None and not is_device_id(self.device_id):
            raise UsageError("--device-id: 1 to 64 letters, digits, - or _ are expected")
        if self.profile is not None and self.interval_s is not None:
            raise UsageError("--profile and --interval: a profile has its interval; give one")
        if self.interval_s is not None and not 1 <= self.interval_s <= _MAX_INTERVAL_S:
            raise UsageError(f"--interval: 1 to {_MAX_INTERVAL_S} seconds are expected")
        if self.log_level not in _LOG_LEVELS:
            raise UsageError("--log-level: one of E, W, I, D is expected")


def sensors(texts: Sequence[str]) -> Sequence[dict[str, Any]]:
    """Return what --sensor options say, or the default where there is none."""
    return [_sensor(text) for text in texts] or _DEFAULT_SENSORS


def _sensor(text: str) -> dict[str, Any]:
    """Return KIND:key=value,... as the object of the board's settings."""
    kind, _, rest = text.partition(":")
    if not kind.isidentifier():
        raise UsageError(f"--sensor {one_line(text)}: KIND:key=value,... is expected")
    options: dict[str, Any] = {"kind": kind}
    for pair in filter(None, rest.split(",")):
        key, equals, value = pair.partition("=")
        if not equals or not key.isidentifier() or key in options:
            raise UsageError(
                f"--sensor {one_line(text)}: {one_line(pair)!r} is not key=value, once per key"
            )
        options[key] = _value(value)
    return options


def _value(text: str) -> Any:
    """Return the list that a+b spells, else the one value."""
    parts = text.split("+")
    return [_scalar(part) for part in parts] if len(parts) > 1 and all(parts) else _scalar(text)


def _scalar(text: str) -> Any:
    """Return the number (0x..: in hex) or truth value that text spells, else text."""
    if text in ("true", "false"):
        return text == "true"
    # No exponents: the id of a thermometer, in hex, may look like one.
    if _DECIMAL.fullmatch(text):
        return float(text)
    try:
        return int(text, 16 if text[:2].lower() == "0x" else 10)
    except ValueError:
        return text


def settings(texts: Sequence[str]) -> dict[str, Any]:
    """Return what --set options say; a key given twice has its last value."""
    return dict(_setting(text) for text in texts)


def _setting(text: str) -> tuple[str, Any]:
    """Return key=value for the board's settings; the value is JSON, or else plain text."""
    key, equals, value = text.partition("=")
    if not equals or not key.isidentifier():
        raise UsageError(f"--set {one_line(text)}: key=value is expected")
    if key in _OWN_OPTIONS:
        raise UsageError(f"--set {key}: use {_OWN_OPTIONS[key]}")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value
