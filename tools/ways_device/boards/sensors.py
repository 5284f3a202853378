"""Sensors: the kinds the agent knows, and trying one on a board."""

import ast
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ways_device.board import Board
from ways_device.boards import settings
from ways_device.boards.bench import hold, visiting
from ways_device.drivers import Driver, own_kinds
from ways_device.errors import BoardError
from ways_device.provision.settings import as_bytes
from ways_device.talk import Talk

_RAISED = re.compile(r"the board said: \w+(Error|Exception)\b")
_OPTIONS = "Options:"
# A driver gives up after five seconds; each has its turn.
_START_S, _DRIVER_S = 15.0, 6.0
# Enough for the agent's code to judge a sensor on a board that has no settings yet.
_BARE = {"mqtt_host": "none"}


def kinds(source: Path) -> list[dict[str, str]]:
    """Return kind, what it is, and its options, as the sensors' own files describe them."""
    found = []
    for path in sorted((source / "firmware" / "sensors").glob("*.py")):
        if path.stem not in own_kinds(source):
            continue
        text = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
        paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
        told = re.search(r"Options: (.*?)(?: Source:|$)", " ".join(text.split("\n")))
        found.append(
            {
                "kind": path.stem,
                "about": paragraphs[0].partition(f" {_OPTIONS}")[0],
                "options": told[1].strip().rstrip(".") if told else "",
            }
        )
    return found


def added(sensor: dict[str, Any]) -> settings.Change:
    """Return the change of settings that adds a sensor."""

    def changed(old: dict[str, Any]) -> dict[str, Any]:
        there = old.get("sensors")
        return {**old, "sensors": [*(there if isinstance(there, list) else []), sensor]}

    return changed


def test(
    board: Board,
    asked: Sequence[dict[str, Any]],
    talk: Talk,
    device_id: str | None = None,
    drivers: Sequence[Driver] = (),
) -> list[dict[str, Any]]:
    """Run sensors once on the board, its agent stopped; return what each told, or its error.

    asked empty means those of the board's own settings. drivers are used, not kept there: nothing
    on the board is changed.
    """
    lent = {one.kind: one.text for one in drivers}
    with visiting(board, talk, device_id) as visited:
        known = settings.of(visited.facts) if visited.facts.config or not asked else _BARE
        sensors = list(asked) or known.get("sensors") or []
        if not sensors:
            raise BoardError("the board has no sensor; name one: KIND:key=value,...")
        hold(visited, talk)
        with talk.step("asking the sensors") as step:
            refused = {n: _refusal(board, known, one, lent) for n, one in enumerate(sensors)}
            fit = [one for n, one in enumerate(sensors) if not refused[n]]
            told = iter(_measured(board, fit, lent))
            step.say(f"{len(sensors)}")
            return [
                {"kind": one.get("kind"), "error": refused[n]} if refused[n] else next(told)
                for n, one in enumerate(sensors)
            ]


def _refusal(
    board: Board, known: dict[str, Any], sensor: dict[str, Any], lent: dict[str, str]
) -> str:
    """Return why the agent would refuse the sensor, "" if it would not."""
    try:
        board.check_config(as_bytes({**known, "sensors": [sensor]}), lent)
    except BoardError as exc:
        # What the driver's own code raises is the sensor's fault; else the board failed.
        if exc.__cause__ is not None and not _RAISED.match(str(exc)):
            raise
        return str(exc).partition(": ")[2] or str(exc)
    return ""


def _measured(
    board: Board, sensors: list[dict[str, Any]], lent: dict[str, str]
) -> list[dict[str, Any]]:
    if not sensors:
        return []
    limit_s = _START_S + _DRIVER_S * len(sensors)
    answers = board.ask("measure", {"sensors": sensors, "drivers": lent}, limit_s)
    if not answers or len(answers[-1].get("sensors", ())) != len(sensors):
        raise BoardError("the board gave no answer; try again")
    found: list[dict[str, Any]] = answers[-1]["sensors"]
    return found
