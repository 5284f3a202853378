"""Keeps the secrets of channels and commands out of answers and error texts.

A value is secret by the name of its key; in a URL the password and the values of the query are,
and for slack and teams all of the path. What a caller sends back as it was shown stands for what
is stored.
"""

import re
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from ways_device.sandbox.wire import Json

MASK = "***"
# Of a command a key or a pin is no secret.
_ARGUMENTS = re.compile(r"pass|secret|token|psk", re.IGNORECASE)
_NAMES = re.compile(r"pass|secret|token|key|auth|credential|signature|cookie|pin$", re.IGNORECASE)
_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
# Shorter ones would tear holes into any text.
_SECRET_MIN = 4
_ERROR_MAX = 300


def shown(channel_type: str, config: Json) -> Json:
    """Return config with MASK in place of each secret."""
    return {key: _shown(channel_type, key, value) for key, value in config.items()}


def _shown(channel_type: str, key: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {
            inner: MASK if _NAMES.search(key) else _shown(channel_type, inner, one)
            for inner, one in value.items()
        }
    if isinstance(value, list):
        return [_shown(channel_type, key, one) for one in value]
    if value is None or isinstance(value, bool):
        return value
    if _NAMES.search(key):
        return MASK
    if isinstance(value, str) and _URL.match(value):
        return _shown_url(value, is_path_secret=channel_type in ("slack", "teams"))
    return value


def _shown_url(text: str, is_path_secret: bool) -> str:
    try:
        parts = urlsplit(text)
        user, at, host = parts.netloc.rpartition("@")
        if at:
            user = f"{user.partition(':')[0]}:{MASK}" if ":" in user else MASK
        path = f"/{MASK}" if is_path_secret and parts.path.strip("/") else parts.path
        query = re.sub(r"(^|&)([^=&]*)(=[^&]*)?", _mask_argument, parts.query)
    except ValueError:
        return MASK
    return urlunsplit((parts.scheme, f"{user}{at}{host}", path, query, parts.fragment and MASK))


def _mask_argument(found: "re.Match[str]") -> str:
    before, name, value = found.groups()
    if value is None:  # a bare word may be the secret itself
        return before + (MASK if name else "")
    return f"{before}{name}={MASK}"


def without_secrets(args: Any) -> Any:
    """Return a command's arguments with MASK for what has a secret's name, however deep it is."""
    if isinstance(args, dict):
        return {
            key: MASK if _ARGUMENTS.search(key) and one is not None else without_secrets(one)
            for key, one in args.items()
        }
    return [without_secrets(one) for one in args] if isinstance(args, list) else args


def restored(channel_type: str, config: Json, stored: Json) -> Json:
    """Return config with the stored value wherever the shown one came back.

    Raises ValueError, naming the key, if MASK stands where it cannot stand for anything.
    """
    masked = shown(channel_type, stored)
    known = {key: stored[key] for key in config if key in stored and config[key] == masked[key]}
    for key, value in config.items():
        if key not in known and _holds_mask(value):
            raise ValueError(key)
    return {**config, **known}


def _holds_mask(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_mask(one) for one in value.values())
    if isinstance(value, list):
        return any(_holds_mask(one) for one in value)
    return isinstance(value, str) and MASK in value


def scrub(text: str, config: Json) -> str:
    """Return text, one line and not too long, without any value that is not shown of config."""
    for secret in sorted(_secrets(config), key=len, reverse=True):
        text = text.replace(secret, MASK)
    text = " ".join(text.split())
    return text if len(text) <= _ERROR_MAX else text[: _ERROR_MAX - 3] + "..."


def _secrets(value: Any, is_secret: bool = False) -> set[str]:
    """Return what must not appear: secret values, and URLs with all their parts."""
    if isinstance(value, dict):
        pairs = ((is_secret or bool(_NAMES.search(key)), one) for key, one in value.items())
        return set().union(*(_secrets(one, inner) for inner, one in pairs))
    if isinstance(value, list):
        return set().union(*(_secrets(one, is_secret) for one in value))
    text = "" if value is None or isinstance(value, bool) else str(value)
    found = {text} if is_secret else set()
    if _URL.match(text):
        found |= {text, *_parts_of(text)}
    return {one for one in found if len(one) >= _SECRET_MIN}


def _parts_of(url: str) -> set[str]:
    try:
        parts = urlsplit(url)
        user = parts.netloc.rpartition("@")[0]
    except ValueError:
        return set()
    values = {value for _, _, value in (one.partition("=") for one in parts.query.split("&"))}
    return {parts.path, parts.query, user, user.partition(":")[2], *values}
