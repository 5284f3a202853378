"""How the sandbox speaks where the platform's documents disagree on the shape of an answer.

    credentials   flat: a new device's login as mqtt_username, mqtt_password, mqtt_client_id
                  nested: the same in one object mqtt_credentials, with broker and port
    errors        detail: {"detail": ...}, 422 for bad input
                  error: {"error": {"code", "message", "details"}}, 400 for bad input
    broker        reference: GET /credentials as {"mqtt_broker": {host, port, tls_port, ...}}
                  older: as {broker, ports, protocols, mqtt_versions, devices}

What comes in is read in every form, whatever the dialect.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from ways_device.errors import UsageError

Json = dict[str, Any]

CHOICES = {
    "credentials": ("flat", "nested"),
    "errors": ("detail", "error"),
    "broker": ("reference", "older"),
}
_FILE_BYTES_MAX = 10_000
_CODES = {
    HTTPStatus.BAD_REQUEST: "INVALID_PARAMETER",
    HTTPStatus.UNAUTHORIZED: "AUTH_FAILED",
    HTTPStatus.FORBIDDEN: "INSUFFICIENT_PERMISSIONS",
}


@dataclass(frozen=True)
class Dialect:
    credentials: str = "flat"
    errors: str = "detail"
    broker: str = "reference"

    def login(self, device_id: str, password: str, host: str, tls_port: int) -> Json:
        """Return what the answer to a registration has beside the device."""
        if self.credentials == "nested":
            return {
                "mqtt_credentials": {
                    "broker": host,
                    "port": tls_port,
                    "username": device_id,
                    "password": password,
                    "client_id": device_id,
                }
            }
        return {
            "mqtt_username": device_id,
            "mqtt_password": password,
            "mqtt_client_id": device_id,
        }

    def where(self, host: str, tls_port: int, devices: Callable[[], list[Json]]) -> Json:
        """Return where devices connect to. There is no listener without TLS: its port is null.

        devices is asked for the account's devices, as its list shows them, by one form only.
        """
        if self.broker == "older":
            return {
                "broker": host,
                "ports": {"mqtt": None, "mqtts": tls_port, "ws": None, "wss": None},
                "protocols": ["mqtts"],
                "mqtt_versions": ["3.1.1", "5.0"],
                "devices": [_login_of(device) for device in devices()],
            }
        return {
            "mqtt_broker": {
                "host": host,
                "port": None,
                "tls_port": tls_port,
                "websocket_port": None,
                "protocol": "mqtts",
            }
        }

    def refusal(self, status: int, message: str) -> Json:
        """Return the body of an answer that is no success."""
        if self.errors == "error":
            return _error(status, message, {})
        return {"detail": message}

    def bad_input(self, problems: list[Json]) -> tuple[int, Json]:
        """Return status and body for input that breaks the rules; problems as pydantic's."""
        if self.errors == "error":
            status = HTTPStatus.BAD_REQUEST
            first = problems[0]
            field = ".".join(str(part) for part in first["loc"][1:])
            details = {"field": field, "expected": first["msg"]}
            message = f"{field}: {first['msg']}" if field else str(first["msg"])
            return status, _error(status, message, details)
        return HTTPStatus.UNPROCESSABLE_ENTITY, {"detail": problems}


PRESETS = {
    # What the API reference shows, and its answers where it shows none.
    "reference": Dialect(),
    # The documents of 2025, which are still around.
    "docs-2025": Dialect("nested", "error", "older"),
}


def of(name: str) -> Dialect:
    """Return the dialect of this name, else of this JSON file. Raises UsageError."""
    if name in PRESETS:
        return PRESETS[name]
    try:
        with Path(name).open("rb") as file:
            found = json.loads(file.read(_FILE_BYTES_MAX))
    except OSError as exc:
        names = ", ".join(PRESETS)
        raise UsageError(
            f"--dialect {name!r} is neither a dialect ({names}) nor a file that can be read"
            f" ({exc.strerror})"
        ) from exc
    except (ValueError, RecursionError) as exc:
        raise UsageError(
            f"--dialect {name}: no JSON of less than {_FILE_BYTES_MAX} bytes"
        ) from exc
    return _checked(name, found)


def _checked(name: str, found: Any) -> Dialect:
    if not isinstance(found, dict):
        raise UsageError(f"--dialect {name}: an object such as {asdict(Dialect())} is expected")
    for key, value in found.items():
        choices = CHOICES.get(key)
        if choices is None:
            raise UsageError(f"--dialect {name}: {key!r} is none of {', '.join(CHOICES)}")
        if value not in choices:
            raise UsageError(
                f"--dialect {name}: {key} is one of {', '.join(choices)}, not {value!r}"
            )
    return Dialect(**found)


def _error(status: int, message: str, details: Json) -> Json:
    code = _CODES.get(HTTPStatus(status)) or HTTPStatus(status).name
    return {"error": {"code": code, "message": message, "details": details}}


def _login_of(device: Json) -> Json:
    return {
        "device_id": device["device_id"],
        "name": device["name"],
        "username": device["device_id"],
        "client_id": device["device_id"],
        "status": "active" if device["is_active"] else "inactive",
    }
