"""This computer: what the tool runs on, its port, its key, its way to the API, its clock."""

import importlib.metadata
import os
import platform as computer
import stat
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

from ways_device import secrets
from ways_device.api.client import Client
from ways_device.api.platform import Platform
from ways_device.context import Place as Where
from ways_device.doctor.finding import Finding, Place
from ways_device.errors import ToolError
from ways_device.serialport import close_port, find_port, open_port

_HOST = Place("host")
_SKEW_OK_S = 5
_SKEW_MOST_S = 60


def tools() -> Iterator[Finding]:
    """Look at what runs: Python and mpremote."""
    yield _HOST.ok("Python", f"{computer.python_version()} on {computer.system()}")
    try:
        yield _HOST.ok("mpremote", importlib.metadata.version("mpremote"))
    except importlib.metadata.PackageNotFoundError:
        todo = "install it: pip install mpremote"
        yield _HOST.problem("mpremote", "it is not installed beside this Python", todo)


def port(chosen: str | None) -> tuple[str | None, Finding]:
    """Return the board's port if this user may open it, and how that went."""
    try:
        found = find_port(chosen)
        close_port(open_port(found))
    except ToolError as exc:
        return None, _HOST.failed("port", exc)
    return found, _HOST.ok("port", f"{found} can be opened")


def key(where: Where) -> tuple[str | None, Finding]:
    """Return the API key if there is a safe one, and where it is from."""
    try:
        found = secrets.api_key(where.origin, where.key_file)
    except ToolError as exc:
        return None, _HOST.failed("API key", exc)
    if where.key_file is None:
        source = "from the environment or the keyring"
        if os.environ.get(secrets.KEY_VARIABLE):
            source = f"from {secrets.KEY_VARIABLE}"
        return found, _HOST.ok("API key", source)
    mode = stat.S_IMODE(where.key_file.stat().st_mode)
    return found, _HOST.ok("API key", f"{where.key_file}, mode {mode:04o}")


def api(client: Client) -> tuple[Platform | None, list[Finding]]:
    """Return the platform if its API answers and takes the key, and how that went."""
    platform = Platform(client)
    began_s = time.monotonic()
    try:
        date = platform.server_date()
    except ToolError as exc:
        return None, [_HOST.failed("API", exc)]
    took_ms = 1000 * (time.monotonic() - began_s)
    answers = _HOST.ok("API", f"{client.origin} answers in {took_ms:.0f} ms and takes the key")
    return platform, [answers, clock(date, time.time())]


def clock(date: str, now_s: float) -> Finding:
    """Judge this computer's clock, which boards are set by, by the time an answer has."""
    try:
        skew_s = now_s - parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError, OverflowError):
        return _HOST.ok("clock", "the API does not tell its time: not compared")
    detail = f"{abs(skew_s):.0f} s {'ahead of' if skew_s > 0 else 'behind'} the API's"
    todo = "let this computer take its time from the network: boards are set by it"
    if abs(skew_s) > _SKEW_MOST_S:
        return _HOST.problem("clock", detail, todo)
    if abs(skew_s) > _SKEW_OK_S:
        return _HOST.warning("clock", detail, todo)
    return _HOST.ok("clock", f"within {_SKEW_OK_S} s of the API's")
