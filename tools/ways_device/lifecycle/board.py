"""What is asked of the board that is plugged in: who it is, and to keep what only it knows."""

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from ways_device.board import Board, Installed
from ways_device.errors import BoardError, ToolError

# A profile, or an option of the command, decides these; the revision counts by itself.
_DECIDED = ("rev", "interval_s", "topics", "sensors", "log_level", "telemetry_sequence")


@dataclass(frozen=True)
class Plugged:
    """A board as it was found.

    identity        its device's id, None for a blank one
    config          the text of its settings file
    unsent_bytes    of readings that it keeps
    """

    port: str
    unique_id: str
    identity: str | None
    config: str | None
    unsent_bytes: int = 0

    @property
    def settings(self) -> dict[str, Any] | None:
        """Return its settings file, None if there is no usable one."""
        try:
            found = json.loads(self.config or "")
        except ValueError:
            return None
        return found if isinstance(found, dict) and found.get("sensors") else None


def look(board: Board) -> Plugged:
    """Ask a board who it is. Its agent is stopped by that: release it, or go on with it."""
    facts = board.facts([], [])
    if facts.identity is None:
        return Plugged(board.port, facts.unique_id, None, facts.config)
    stored = board.ask("examine", {})[-1]["stored"]
    return Plugged(
        board.port, facts.unique_id, facts.identity, facts.config, stored["unsent_bytes"]
    )


def glance(board: Board) -> Plugged:
    """As look(), and let the board run on in every case."""
    try:
        return look(board)
    finally:
        with suppress(ToolError):
            board.let_go()


def own_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return what of a board's settings no profile and no option decides."""
    return {key: value for key, value in settings.items() if key not in _DECIDED}


def wipe(board: Board, device_ids: list[str]) -> None:
    """Clear the identity of a board that is one of these devices, and let it run on."""
    try:
        answer = board.ask("wipe", {"device_ids": device_ids})[-1]
    finally:
        with suppress(ToolError):
            board.let_go()
    if answer["identity"] == "still there":
        raise BoardError("the board's identity could not be cleared; run the same command again")


class _Keeping:
    """A board that is given an identity without networks, and keeps the ones it has."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def __getattr__(self, name: str) -> Any:
        return getattr(self._board, name)

    def install_identity(self, body: bytes) -> Installed:
        return self._board.adopt_identity(body)


def keeping(board: Board) -> Board:
    """Return the board as one that keeps its Wi-Fi networks through a change of identity."""
    return cast(Board, _Keeping(board))
