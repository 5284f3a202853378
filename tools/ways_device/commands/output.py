"""Results on stdout: JSON for programs, aligned lines for people. And a question before harm."""

import json
import sys
from collections.abc import Sequence
from typing import Any

import typer

from ways_device.commands.columns import aligned
from ways_device.errors import UsageError
from ways_device.secrets import one_line, redact

_GAP = "  "
# An id may be this long.
_CELL = 64


def print_record(record: dict[str, Any], as_json: bool) -> None:
    """Print what was done, a line for each key."""
    if as_json:
        print(redact(json.dumps(record)))
        return
    width = max(len(key) for key in record)
    for key, value in record.items():
        # On one line: a value must not look like the next one.
        words = " ".join(redact(_words(value)).split())
        print(f"{key.replace('_', ' '):{width}}{_GAP}{words}".rstrip())


def print_table(rows: Sequence[dict[str, Any]], columns: Sequence[str], as_json: bool) -> None:
    """Print rows of these columns; in JSON all that the rows have."""
    if as_json:
        print(redact(json.dumps(list(rows))))
        return
    lines = [[name.replace("_", " ") for name in columns]]
    lines += [[one_line(_words(row.get(name)), _CELL) for name in columns] for row in rows]
    for line in aligned(lines):
        print(line)


def confirm(question: str, is_agreed: bool) -> None:
    """Ask before what cannot be undone. Raises UsageError if nobody agrees, or can."""
    if is_agreed:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"{question} Nobody can be asked here: give --yes if that is meant")
    if not typer.confirm(redact(question), default=False, err=True):
        raise UsageError("nothing was done")


def _words(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) or "none"
    return str(value)
