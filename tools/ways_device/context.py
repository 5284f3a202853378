"""What commands work with, opened from what the user gave: platform, board, journal, talk."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ways_device import sandboxinfo, secrets
from ways_device.api.client import Client, origin_of
from ways_device.api.platform import Platform
from ways_device.board import Board
from ways_device.boardlink import BoardLink
from ways_device.errors import UsageError
from ways_device.journal import Journal
from ways_device.resources import device_source
from ways_device.serialport import find_port
from ways_device.talk import Talk

URL_VARIABLE = "WAYSCLOUD_API_URL"
_DEFAULT_URL = "https://api.wayscloud.services"


@dataclass(frozen=True)
class Place:
    """Which platform is meant, and where its key is; the sandbox brings its own CA."""

    origin: str
    key_file: Path | None
    ca_file: Path | None = None
    is_sandbox: bool = False


@dataclass(frozen=True)
class Context:
    """What a command works with."""

    platform: Platform
    board: Board
    journal: Journal
    source: Path
    talk: Talk


def place(
    sandbox: Path | None,
    api_url: str | None,
    key_file: Path | None,
    environ: Mapping[str, str] | None = None,
) -> Place:
    """Return the platform that the options and the environment name. Raises UsageError."""
    environ = os.environ if environ is None else environ
    if sandbox is None:
        url = api_url or environ.get(URL_VARIABLE) or _DEFAULT_URL
        return Place(origin_of(url, allow_http=False), key_file)
    if api_url is not None:
        raise UsageError("--sandbox and --api-url: the sandbox has its own address; give one")
    info = sandboxinfo.load(sandbox)
    # A sandbox's API never leaves this computer: the one place where http is allowed.
    origin = origin_of(info.api_url, allow_http=True)
    return Place(origin, key_file or info.api_key_file, info.ca_file, True)


@contextmanager
def client(where: Place) -> Iterator[Client]:
    """Open the API of one platform."""
    made = Client(where.origin, secrets.api_key(where.origin, where.key_file))
    try:
        yield made
    finally:
        made.close()


@contextmanager
def opened(where: Place, port: str | None, talk: Talk) -> Iterator[Context]:
    """Open everything a command on one platform and one board needs."""
    board = open_board(port)
    with client(where) as made:
        journal = Journal(secrets.home() / "journal")
        yield Context(Platform(made), board, journal, device_source(), talk)


def open_board(port: str | None) -> Board:
    """Return the board at the port, or the only one. Nothing is sent to it yet."""
    return Board(BoardLink(find_port(port), secrets.private_folder(secrets.home() / "tmp")))
