"""The steps of `doctor`. The board runs its agent again afterwards, whatever happened.

What is asked of the broker is asked by the board itself, with its agent stopped: two sessions
of one device would throw each other out. The login never leaves the board.
"""

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ways_device import context
from ways_device.api.client import Client
from ways_device.api.platform import Platform
from ways_device.board import CONFIG_PATH, Board, Facts
from ways_device.deploy import Code, Visit, compile_code
from ways_device.doctor import board as boards
from ways_device.doctor import host, network
from ways_device.doctor.finding import PROBLEM, Finding, Place
from ways_device.doctor.match import match
from ways_device.errors import ToolError
from ways_device.talk import Talk

_BOARD = Place("board")
_NETWORK = Place("network")
_TRIES = 2


@dataclass
class Report:
    """All findings, in the order in which they were made."""

    findings: list[Finding]

    @property
    def problems(self) -> int:
        return sum(1 for finding in self.findings if finding.verdict == PROBLEM)


class Doctor:
    """One examination. on_finding is given each line as soon as it is known."""

    def __init__(
        self, where: context.Place, source: Path, talk: Talk, on_finding: Callable[[Finding], None]
    ) -> None:
        self._where = where
        self._source = source
        self._talk = talk
        self._on_finding = on_finding
        self._found: list[Finding] = []

    def run(self, port: str | None) -> Report:
        """Examine this computer, the API, the board at the port (or the only one)."""
        with ExitStack() as stack:
            self._add(*host.tools())
            platform = self._api(stack)
            with self._talk.step("looking at this computer"):
                found, opened = host.port(port)
            self._add(opened)
            if found is not None:
                self._examine(context.open_board(found), platform)
        return Report(self._found)

    def _add(self, *findings: Finding) -> None:
        for finding in findings:
            self._found.append(finding)
            self._on_finding(finding)

    def _api(self, stack: ExitStack) -> Platform | None:
        """Return the platform if it answers."""
        key, from_where = host.key(self._where)
        self._add(from_where)
        if key is None:
            return None
        with self._talk.step("asking the platform"):
            client = Client(self._where.origin, key)
            stack.callback(client.close)
            platform, findings = host.api(client)
        self._add(*findings)
        return platform

    def _examine(self, board: Board, platform: Platform | None) -> None:
        """Examine a board; its agent is stopped meanwhile, and runs afterwards in every case."""
        with self._talk.step("compiling, to compare"):
            code = compile_code(self._source)
        is_there = False
        try:
            with self._talk.step("looking at the board"):
                board.greet()
                is_there = True
                # Before the first soft reset, which would be the last cause.
                cause = board.ask("cause", {}, resets=False)[-1]["cause"]
                facts = board.facts(code.needs, [*code.paths, CONFIG_PATH])
            if facts.platform != "esp32":
                self._add(boards.runs(facts, ""))
                return
            Visit(board, facts).hold()
            self._examine_held(board, facts, code, cause, platform)
        except ToolError as exc:
            self._add(_BOARD.failed(exc.step or "board", exc))
        finally:
            if is_there:
                self._let_go(board)

    def _let_go(self, board: Board) -> None:
        """Start the agent again; a board that is still at work on something is interrupted."""
        with self._talk.step("starting the agent again"):
            for attempt in range(1, _TRIES + 1):
                try:
                    board.greet()
                    board.release()
                    return
                except ToolError as exc:
                    if attempt == _TRIES:
                        self._add(_BOARD.failed("restart", exc))

    def _examine_held(
        self, board: Board, facts: Facts, code: Code, cause: str, platform: Platform | None
    ) -> None:
        with self._talk.step("examining the board"):
            examined = board.ask("examine", {})[-1]
        self._add(
            boards.runs(facts, str(examined["build"])),
            boards.cause(cause),
            boards.flash(examined),
            *boards.files(facts, code, board.port),
            self._settings(board, facts, code),
            *boards.identity(examined),
            boards.stored(examined),
        )
        self._try_network(board, facts, examined)
        identity = examined["identity"]
        if platform is not None and identity is not None:
            with self._talk.step("comparing with the platform"):
                findings = list(match(platform, identity["device_id"], facts.config))
            self._add(*findings)

    def _settings(self, board: Board, facts: Facts, code: Code) -> Finding:
        """Let the agent's own code judge the settings, if that code is whole."""
        todo = "correct it: ways-device config set, or run ways-device provision again"
        if facts.config is None:
            return _BOARD.problem("settings", f"there is no {CONFIG_PATH}", todo)
        if code.changed(facts.hashes) or facts.stray:
            return _BOARD.warning("settings", "not judged: the agent is not whole", "see above")
        try:
            judged = board.check_config(facts.config.encode())
        except ToolError as exc:
            return _BOARD.problem("settings", str(exc), todo)
        if judged.unknown:
            words = f"the agent does not know {', '.join(judged.unknown)}"
            return _BOARD.warning("settings", words, "a typing error? ways-device config show")
        points = ", ".join(point.key for point in judged.datapoints)
        return _BOARD.ok("settings", f"valid; datapoints: {points or 'none'}")

    def _try_network(self, board: Board, facts: Facts, examined: dict[str, Any]) -> None:
        """Have the board try its way to the broker, unless it lacks what it needs for that."""
        config, identity = _parsed(facts.config), examined["identity"]
        if config is None or identity is None or identity["lacks"]:
            words = "not tried: the board has no usable identity or settings"
            self._add(_NETWORK.warning("broker", words, "put right what is said above"))
            return
        off_s = examined["clock_s"] - time.time()
        with self._talk.step("having the board try its way to the broker"):
            arguments = network.arguments(config, identity["device_id"])
            answers = board.ask("network", arguments, network.SILENT_S)
        self._add(*network.judged(answers, off_s))


def _parsed(config: str | None) -> dict[str, Any] | None:
    try:
        found = json.loads(config or "")
    except ValueError:
        return None
    return found if isinstance(found, dict) and isinstance(found.get("mqtt_host"), str) else None
