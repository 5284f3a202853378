"""Tolerant readers of what the platform tells about MQTT: a device's login, the broker.

The reference does not show where a register answer carries the login, and the documents in
circulation differ, so every place any of them names is looked at, the likeliest first.
"""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ways_device.errors import ApiError
from ways_device.secrets import hide, one_line

_ID_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,64}")
_HOST_PATTERN = re.compile(r"[A-Za-z0-9.:_-]{1,253}")
_TLS_PORT = 8883
_MAX_PORT = 65535


def is_device_id(text: str) -> bool:
    """Tell whether text can be a topic level, a login and a path part alike."""
    return _ID_PATTERN.fullmatch(text) is not None


@dataclass(frozen=True)
class Credentials:
    """One device's MQTT login. assumed names the fields that no answer contained."""

    device_id: str
    username: str
    password: str = field(repr=False)
    client_id: str
    assumed: str = ""

    def __post_init__(self) -> None:
        hide(self.password)

    def as_journal(self) -> dict[str, str]:
        return asdict(self)

    def as_login(self) -> dict[str, str]:
        return {
            "username": self.username,
            "password": self.password,
            "client_id": self.client_id,
        }


@dataclass(frozen=True)
class Broker:
    host: str
    tls_port: int


def read_credentials(found: Any, requested_id: str) -> Credentials | None:
    """Return the login in a register answer, or None if it carries no password."""
    places = list(_places(found))
    password = _first(places, "mqtt_password") or _first(places, "password")
    if not password:
        return None
    device_id = _first(places, "device_id") or requested_id
    if not is_device_id(device_id):
        raise ApiError(f"the platform gave the device an id that is none: {one_line(device_id)}")
    username = _first(places, "mqtt_username") or _beside_password(places)
    client_id = _first(places, "mqtt_client_id") or _first(places, "client_id")
    return Credentials(
        device_id=device_id,
        username=username or device_id,
        password=password,
        client_id=client_id or username or device_id,
        assumed=" ".join(
            name for name, value in (("username", username), ("client_id", client_id)) if not value
        ),
    )


def _places(found: Any) -> Iterator[dict[str, Any]]:
    """Yield the objects that may hold the login, the likeliest first."""
    if not isinstance(found, dict):
        return
    for outer in (found, found.get("device"), found.get("data")):
        if isinstance(outer, dict):
            yield outer
            for key in ("mqtt_credentials", "credentials", "mqtt"):
                inner = outer.get(key)
                if isinstance(inner, dict):
                    yield inner


def _first(places: list[dict[str, Any]], key: str) -> str:
    for place in places:
        value = place.get(key)
        if isinstance(value, str) and value:
            return value
    return ""


def _beside_password(places: list[dict[str, Any]]) -> str:
    # A `username` alone may be the owner's; beside a password it is the login.
    return _first([place for place in places if place.get("password")], "username")


def read_broker(found: Any) -> Broker:
    """Return where devices connect, from any known answer to GET /credentials.

    The plain `port` is never taken: it is the one without TLS.
    """
    top = found if isinstance(found, dict) else {}
    inner = top.get("mqtt_broker")
    nested = top.get("broker")
    for place in (inner, nested, top):
        if isinstance(place, dict):
            host = _host(place)
            if host:
                return Broker(host, _tls_port(place, top))
    raise ApiError("GET /v1/iot/credentials: the answer names no broker; is this the platform?")


def _host(place: dict[str, Any]) -> str:
    for key in ("host", "broker", "broker_url"):
        value = place.get(key)
        if isinstance(value, str) and value:
            parts = urlsplit(value if "//" in value else f"//{value}")
            host = parts.hostname or ""
            if _HOST_PATTERN.fullmatch(host):
                return host
    return ""


def _tls_port(*places: dict[str, Any]) -> int:
    for place in places:
        ports = place.get("ports")
        named = ports.get("mqtts") if isinstance(ports, dict) else None
        for value in (place.get("tls_port"), named):
            if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _MAX_PORT:
                return value
    return _TLS_PORT
