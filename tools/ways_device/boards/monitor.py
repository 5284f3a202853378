"""A board's log as it comes. Only ever listens: what it would hear from us stops its agent."""

import functools
import json
import time
from collections.abc import Callable
from typing import Any

from ways_device.devicelog import Listener, LogLine, parse
from ways_device.errors import BoardError
from ways_device.secrets import one_line, redact
from ways_device.talk import Talk

LEVELS = "EWID"
_ROUND_S = 0.5
_RETRY_S = 0.5
_LINE_LIMIT = 2000
# How a traceback begins a line about packed code.
_PLACE = 'File "firmware'
_STYLES = {"E": "\x1b[31m", "W": "\x1b[33m", "I": "", "D": "\x1b[2m"}
_EVENT, _DIM, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"

Show = Callable[[str], None]


def follow(port: str, show: Show, talk: Talk, limit_s: float | None = None) -> None:
    """Give each line of the board to show until limit_s is over; for ever without one.

    A port that goes away is waited for. Raises BoardError if it cannot be opened at first.
    """
    end_s = None if limit_s is None else time.monotonic() + limit_s
    was_there, is_away = False, False
    while not _is_over(end_s):
        try:
            with Listener(port) as listener:
                if is_away:
                    talk.note(f"{port} is back")
                was_there, is_away = True, False
                _pass_on(listener, show, end_s)
        except (BoardError, OSError) as exc:
            if not was_there:
                raise
            if not is_away:
                talk.note(f"{port} went away ({one_line(str(exc), 80)}); waiting for it")
            is_away = True
            time.sleep(_RETRY_S)


def _pass_on(listener: Listener, show: Show, end_s: float | None) -> None:
    while not _is_over(end_s):
        left_s = _ROUND_S if end_s is None else max(0.0, end_s - time.monotonic())
        for text in listener.lines(min(_ROUND_S, left_s)):
            show(text)


def _is_over(end_s: float | None) -> bool:
    return end_s is not None and time.monotonic() >= end_s


def wanted(line: LogLine | None, level: str) -> bool:
    """Tell whether a line is to be shown: what is no log line (a traceback, say) always is."""
    return line is None or LEVELS.index(line.level) <= LEVELS.index(level)


def as_text(text: str, line: LogLine | None, colour: bool) -> str:
    """Return a line for people: seconds since the start, level, module, event, values."""
    if line is None:
        said = redact(text)[:_LINE_LIMIT]
        return f"{_DIM}{said}{_PLAIN}" if colour and said else said
    seconds = f"{line.uptime_ms / 1000:10.3f}"
    pairs = "".join(f" {key}={value}" for key, value in line.fields.items())
    parts = [redact(part) for part in (line.level, line.module, line.event, pairs)]
    level, module, event, pairs = parts
    if not colour:
        return f"{seconds} {level} {module:9} {event}{pairs}"
    return (
        f"{_DIM}{seconds}{_PLAIN} {_STYLES[level]}{level} {module:9} "
        f"{_EVENT}{event}{_PLAIN}{_STYLES[level]}{pairs}{_PLAIN}"
    )


def as_json(text: str, line: LogLine | None) -> str:
    """Return a line for programs: one JSON object."""
    if line is None:
        found: dict[str, Any] = {"text": redact(text)[:_LINE_LIMIT]}
    else:
        found = {
            "uptime_ms": line.uptime_ms,
            "level": line.level,
            "module": line.module,
            "event": line.event,
            "fields": {key: redact(value) for key, value in line.fields.items()},
        }
    return json.dumps(found, ensure_ascii=False)


def _readable(text: str) -> str:
    """Return a traceback's line with its place in the source, where that is known."""
    from ways_device.pack.trace import readable

    return readable(text, _lines())


@functools.cache
def _lines() -> dict[str, list[str]]:
    """Return what the lines of packed code were, see pack/trace.py.

    The board is not asked: it is taken to have what was deployed from here last.
    """
    from ways_device.deploy import lines_folder
    from ways_device.pack import pack
    from ways_device.pack.trace import lines_of
    from ways_device.resources import device_source

    kept = sorted(lines_folder().glob("*.json"), key=lambda path: path.stat().st_mtime)
    if not kept:
        return lines_of(pack(device_source()))
    lines: dict[str, list[str]] = json.loads(kept[-1].read_text("utf-8"))
    return lines


def printer(level: str, json_lines: bool, colour: bool) -> Show:
    """Return what prints the lines of at least this level on stdout, each at once."""

    def show(text: str) -> None:
        if _PLACE in text:
            text = _readable(text)
        line = parse(text)
        if not wanted(line, level):
            return
        said = as_json(text, line) if json_lines else as_text(text, line, colour)
        if said:
            print(said, flush=True)

    return show
