"""The Wi-Fi networks of a board that is a device: its login and their passwords stay on it."""

import getpass
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ways_device import secrets, wifi
from ways_device.board import Board
from ways_device.boards.bench import hold, visiting
from ways_device.errors import BoardError, UsageError
from ways_device.talk import Talk
from ways_device.wifi import Network


def listed(board: Board, talk: Talk, device_id: str | None = None) -> dict[str, Any]:
    """Return the board's device id and networks, without their passwords."""
    with visiting(board, talk, device_id):
        return _asked(board, [], [], device_id)


def changed(
    board: Board,
    add: Sequence[Network],
    remove: Sequence[str],
    talk: Talk,
    device_id: str | None = None,
) -> dict[str, Any]:
    """Change the board's networks and restart it; return what it knows then, as read back.

    A network of a known name takes the place of that one. Raises BoardError if the board would
    be left without any, or with more than it keeps.
    """
    with visiting(board, talk, device_id) as visited:
        hold(visited, talk)
        with talk.step("changing its networks") as step:
            found = _asked(board, add, remove, visited.facts.identity)
            _verify(found, add, remove)
            step.say(", ".join(one["ssid"] for one in found["networks"]))
            return found


def _asked(
    board: Board, add: Sequence[Network], remove: Sequence[str], device_id: str | None
) -> dict[str, Any]:
    args = {
        "add": [one.as_json() for one in add],
        "remove": list(remove),
        "device_id": device_id,
    }
    answers = board.ask("networks", args)
    if not answers:
        raise BoardError(f"the board at {board.port} gave no answer; try again")
    if "error" in answers[-1]:
        raise BoardError(f"the board refuses: {answers[-1]['error']}")
    return answers[-1]


def _verify(found: dict[str, Any], add: Sequence[Network], remove: Sequence[str]) -> None:
    there = {one["ssid"]: one["priority"] for one in found.get("networks", ())}
    if any(there.get(one.ssid) != one.priority for one in add) or set(remove) & set(there):
        raise BoardError("the board's networks are not what was sent; run the same command again")


def given(
    ssid: str | None, password_file: Path | None, is_open: bool, priority: int, talk: Talk
) -> Network:
    """Return the network that the options name; its password comes from a file or a prompt."""
    if not ssid:
        raise UsageError("name the network: ways-device wifi add SSID, or give --wifi-file FILE")
    if is_open and password_file:
        raise UsageError("--open and --password-file: an open network has no password")
    password = "" if is_open else _password(ssid, password_file, talk)
    text = json.dumps([{"ssid": ssid, "password": password, "priority": priority}])
    network = wifi.parse(text, "wifi")[0]
    if not network.password and not is_open:
        raise UsageError("an empty password: give --open if the network is an open one")
    return network


def _password(ssid: str, path: Path | None, talk: Talk) -> str:
    if path is None:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise UsageError("no password: give --password-file FILE (mode 0600), or --open")
        return secrets.hide(
            getpass.getpass(f"password of {secrets.one_line(ssid, 32)}: ", sys.stderr)
        )
    try:
        text = path.read_text("utf-8")
        if secrets.readable_by_others(path):
            talk.note(f"{path}: others can read this password; run: chmod 600 {path}")
    except OSError as exc:
        raise UsageError(f"cannot read {path}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise UsageError(f"{path}: not text in UTF-8; it should hold the password alone") from exc
    return secrets.hide(text.rstrip("\r\n"))
