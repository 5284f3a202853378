"""A virtual board that holds the agent and is a device, for commands that change boards."""

import io
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import codedflash
import pytest
from certificates import Authority
from realparts import part

from ways_device import cli, identity
from ways_device.board import CONFIG_PATH, Board
from ways_device.boardlink import BoardLink
from ways_device.bytecode import DeviceFile
from ways_device.deploy import deploy
from ways_device.resources import device_source
from ways_device.talk import Talk
from ways_device.wifi import Network

_FLASH_KB = 1024
DEVICE_ID = "esp32-of-the-test"
LOGIN = {"username": "u-name", "password": "login-canary-password", "client_id": "c-id"}
CA = Authority()
WIFI = [Network("lab", "wifi-canary-password", 1)]
SETTINGS: dict[str, Any] = {
    "rev": 3,
    "mqtt_host": "broker.invalid",
    "sensors": [{"kind": "simulated", "key": "t"}],
}


def make_device(port: str) -> Board:
    """Give the board at the port code, an identity and settings; return it, running."""
    board = Board(BoardLink(port))
    deploy(board, device_source(), Talk())
    board.hold_and_reset(600)
    board.install_identity(identity.body(DEVICE_ID, LOGIN, CA.der, WIFI))
    give_settings(board)
    board.release()
    return board


def give_settings(board: Board) -> None:
    board.install([DeviceFile(CONFIG_PATH, json.dumps(SETTINGS).encode())], [])


@contextmanager
def device(folder: Path) -> Iterator[dict[str, Any]]:
    """Run a virtual board that is DEVICE_ID; yield its info."""
    codedflash.give(folder / "chip", _FLASH_KB)
    words = ["vboard", "start", "--dir", str(folder / "chip")]
    with part(folder, *words) as info:
        make_device(info["port"])
        yield info


def caller(
    info: dict[str, Any],
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *options: str,
) -> Callable[..., Any]:
    """Return a function that runs the command on the board; it returns what was captured."""
    monkeypatch.setenv("WAYS_DEVICE_HOME", str(home))
    monkeypatch.setattr(sys, "stdin", io.StringIO())

    def call(*words: str, expected: int = 0) -> Any:
        capsys.readouterr()
        status = cli.run([*words, "--port", info["port"], *options])
        said = capsys.readouterr()
        assert status == expected, said.out + said.err
        return said

    return call
