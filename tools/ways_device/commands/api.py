"""`api`: any call of the platform, with this tool's key and care."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ways_device.api.answers import Answer
from ways_device.commands import options
from ways_device.errors import UsageError
from ways_device.secrets import redact

app = typer.Typer()

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_PREFIX = "v1/iot/"


@app.command()
def api(
    method: Annotated[str, typer.Argument(help="GET, POST, PUT, PATCH or DELETE.")],
    path: Annotated[str, typer.Argument(help="Below /v1/iot: devices/sensor-001, say.")],
    *,
    data: Annotated[
        str | None,
        typer.Option("--data", "-d", help="JSON to send; @FILE reads it, @- from stdin."),
    ] = None,
    query: Annotated[
        list[str] | None, typer.Option("--query", "-q", help="name=value; can repeat.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All pages of a list, as one.")] = False,
    sandbox: options.Sandbox = None,
    api_url: options.ApiUrl = None,
    api_key_file: options.ApiKeyFile = None,
) -> None:
    """Make one call and print the JSON of its answer, whole: of a new device, its password too.

    For example: ways-device api GET alarms -q status=active
    """
    from ways_device import context
    from ways_device.api import pages

    parts = _parts(path)
    body, params = _body(data), dict(_pair(text) for text in query or [])
    if method.upper() not in _METHODS:
        raise UsageError(f"{method}: one of {', '.join(_METHODS)} is expected")
    if every and (method.upper() != "GET" or params or body is not None):
        raise UsageError("--all: for a plain GET of a list")
    where = context.place(sandbox, api_url, api_key_file)
    with context.client(where) as client:
        found = (
            list(pages.every(client, *parts, identity=_identity(parts)))
            if every
            else _read(client.call(method.upper(), *parts, body=body, params=params or None))
        )
    if found is not None:
        print(redact(json.dumps(found, indent=2, ensure_ascii=False)))


def _read(answer: Answer) -> Any:
    """Return what the answer says; None for an empty one."""
    return answer.json("the call") if answer.text.strip() else None


def _identity(parts: list[str]) -> str:
    return "device_id" if parts[-1] == "devices" else "id"


def _parts(path: str) -> list[str]:
    if "?" in path:
        raise UsageError(f"{path}: give what follows the ? as --query name=value")
    parts = path.strip("/").removeprefix(_PREFIX).split("/")
    if not all(part and part not in (".", "..") for part in parts):
        raise UsageError(f"{path}: a path below /v1/iot is expected, such as devices/sensor-001")
    return parts


def _body(data: str | None) -> Any:
    if data is None:
        return None
    text = data
    if data.startswith("@"):
        try:
            text = sys.stdin.read() if data == "@-" else Path(data[1:]).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            raise UsageError(f"--data {data}: cannot be read") from exc
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as exc:
        raise UsageError("--data: not JSON") from exc


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"--query {text}: name=value is expected")
    return name, value
