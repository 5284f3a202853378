"""A second reading of what a device has to take: CPython's own JSON, and the README's rules."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_ROW = re.compile(r'^    \("(\w+)", (\w+), (\w+), (\w+), (.*)\),  # ', re.M)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.S)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MOST_DEPTH = 4
_MOST_DIGITS = 10
NOW_S = 1795400000
OVER_USB = frozenset(
    (
        *("mqtt_host", "mqtt_port", "dns_servers", "static_address", "wifi_country"),
        *("commands_topic", "config_topic"),
    )
)
_CHOICES = {
    "log_level": set("EWID"),
    "when_full": {"oldest", "newest"},
    "battery_chemistry": {"li-ion", "lifepo4", "2xaa", "3xaa"},
    "wifi_power_save": {"auto", "none", "max"},
}
# Further rules of theirs are not read a second time.
UNJUDGED = frozenset(("hostname",))


class BadError(Exception):
    pass


def _rows() -> dict[str, tuple[str, int, int]]:
    text = (ROOT / "firmware" / "config.py").read_text()
    return {
        key: (kind, int(low, 0), int(high, 0)) for key, kind, low, high, _ in _ROW.findall(text)
    }


def _defaults() -> dict[str, Any]:
    text = (ROOT / "firmware" / "config.py").read_text()
    return {
        key: ast.literal_eval(default) if default != "REQUIRED" else "x"
        for key, _, _, _, default in _ROW.findall(text)
    }


TABLE = _rows()
DEFAULTS = _defaults()


def parse(data: bytes) -> dict[str, Any]:
    """Return the object. Raises BadError for what is not strictly JSON, or too deep or long."""
    try:
        text = data.decode("utf-8")
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_number,
            parse_float=_number,
            parse_constant=_refuse,
        )
    except (ValueError, RecursionError) as exc:
        raise BadError(str(exc)) from exc
    for code in _ESCAPE.findall(_in_texts(text)):
        if code and 0xD800 <= int(code, 16) <= 0xDFFF:
            raise BadError("half a character")
    if not isinstance(value, dict) or _depth(value) > _MOST_DEPTH:
        raise BadError("shape")
    return value


def _in_texts(text: str) -> str:
    return "".join(re.findall(r'"(?:[^"\\]|\\.)*"', text, re.S))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise BadError("twice")
    return dict(pairs)


def _number(text: str) -> int | float:
    if not _NUMBER.fullmatch(text) or sum(one.isdigit() for one in text) > _MOST_DIGITS:
        raise BadError("number")
    return float(text) if "." in text else int(text)


def _refuse(text: str) -> None:
    raise BadError(text)


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


def command(data: bytes) -> str:
    """Return ok, refused or no-id."""
    try:
        found = parse(data)
    except BadError:
        return "no-id"
    command_id = found.get("id")
    if not isinstance(command_id, str) or not _ID.fullmatch(command_id):
        return "no-id"
    return "ok" if _obeys(found) else "refused"


def _obeys(found: dict[str, Any]) -> bool:
    args, not_after = found.get("args", {}), found.get("not_after", NOW_S)
    if set(found) - {"id", "name", "args", "not_after"} or not isinstance(args, dict):
        return False
    if type(not_after) is not int or not_after < NOW_S:
        return False
    rules = _ARGUMENTS.get(found["name"]) if isinstance(found.get("name"), str) else None
    if rules is None or set(args) - set(rules):
        return False
    return all(
        rule(args[name]) if name in args else not is_needed
        for name, (rule, is_needed) in rules.items()
    )


def _whole(low: int, high: int) -> Any:
    return lambda value: type(value) is int and low <= value <= high


def _text(low: int, high: int) -> Any:
    return lambda value: isinstance(value, str) and low <= len(value.encode()) <= high


def _keys(value: Any) -> bool:
    is_list = isinstance(value, list) and 1 <= len(value) <= 40
    return is_list and all(isinstance(one, str) for one in value)


_ARGUMENTS: dict[str, dict[str, tuple[Any, bool]]] = {
    "read_now": {},
    "reboot": {},
    "sync_time": {},
    "set_interval": {"interval_s": (_whole(1, 86400), True)},
    "identify": {"seconds": (_whole(1, 60), False)},
    "get_config": {"keys": (_keys, False), "skip": (_whole(0, 99), False)},
    "get_logs": {"lines": (_whole(1, 100), False), "skip": (_whole(0, 9999), False)},
    "add_wifi": {
        "ssid": (_text(1, 32), True),
        "password": (_text(0, 64), True),
        "priority": (_whole(-1000, 1000), False),
    },
}


def settings(data: bytes) -> dict[str, bool] | None:
    """Return which keys are good, None for a document that is none."""
    try:
        found = parse(data)
    except BadError:
        return None
    rev = found.pop("rev", None)
    if type(rev) is not int or not 0 <= rev <= 0x3FFFFFFF:
        return None
    return {key: _is_good(key, value) for key, value in found.items()}


def _is_good(key: str, value: Any) -> bool:
    if key not in TABLE:
        return False
    default = DEFAULTS[key]
    if type(value) is type(default) and value == default:
        return True
    kind, low, high = TABLE[key]
    if key in OVER_USB or type(value).__name__ != kind or not _has_good_parts(key, value):
        return False
    return kind == "bool" or low <= (len(value) if kind in ("str", "list") else value) <= high


def _has_good_parts(key: str, value: Any) -> bool:
    if key in _CHOICES:
        return value in _CHOICES[key]
    entry = dict if key == "sensors" else str
    if isinstance(value, list) and not all(isinstance(one, entry) for one in value):
        return False
    return key != "topics" or _are_topics(value)


def _are_topics(patterns: list[str]) -> bool:
    if not all(re.fullmatch(r"devices/\+/(telemetry|status|attributes|events|sensors/[^/]*)", one)
               for one in patterns):  # fmt: skip
        return False
    return any("telemetry" in one or "/sensors/" in one for one in patterns)
