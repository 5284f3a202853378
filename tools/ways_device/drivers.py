"""Sensor drivers of somebody's own: judged here, compiled, and put beside the agent on a board.

The agent looks for a kind that is none of its own in this folder. Nothing here or in deploy.py
ever removes what is in it, but an older file of a driver that is given anew.
"""

import ast
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ways_device.bytecode import DeviceFile, compiled
from ways_device.errors import ToolError, UsageError
from ways_device.pack.emit import Origin, Text
from ways_device.secrets import one_line

_FOLDER = "/sensors"
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")


@dataclass(frozen=True)
class Driver:
    """A driver file: its kind, its source, and what a board holds of it."""

    kind: str
    text: str
    file: DeviceFile


def own_kinds(source: Path) -> list[str]:
    """Return the kinds that the agent in source has itself."""
    found = sorted((source / "firmware" / "sensors").glob("*.py"))
    return [path.stem for path in found if _KIND.fullmatch(path.stem)]


def load(paths: Sequence[Path], source: Path) -> list[Driver]:
    """Return the drivers in these files.

    Raises UsageError that names the file which is none, does not compile, or has a kind's name
    that the agent in source, or another of these files, has already.
    """
    taken = own_kinds(source)
    found = []
    for path in paths:
        kind = _kind_of(path)
        if kind in taken:
            raise UsageError(f"--driver {path}: there is a kind {kind} already; rename the file")
        taken.append(kind)
        text = _text_of(path)
        found.append(Driver(kind, text, _compiled(path, kind, text)))
    return found


def _kind_of(path: Path) -> str:
    """Return the kind that a driver file is for: its name."""
    if path.suffix != ".py" or not _KIND.fullmatch(path.stem):
        raise UsageError(
            f"--driver {path}: KIND.py is expected; a kind is a letter, then letters, digits or _"
        )
    return path.stem


def _text_of(path: Path) -> str:
    try:
        text = path.read_text("utf-8")
        tree = ast.parse(text)
    except OSError as exc:
        raise UsageError(f"--driver {path}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise UsageError(f"--driver {path}: not text in UTF-8") from exc
    except SyntaxError as exc:
        said = f"line {exc.lineno}: {one_line(exc.msg)}"
        raise UsageError(f"--driver {path} does not compile: {said}") from exc
    except ValueError as exc:
        raise UsageError(f"--driver {path} does not compile: {one_line(str(exc))}") from exc
    if not any(isinstance(node, ast.FunctionDef) and node.name == "open" for node in tree.body):
        raise UsageError(f"--driver {path}: it has no open(board, options); see README.md")
    return text


def _compiled(path: Path, kind: str, text: str) -> DeviceFile:
    lines = text.splitlines()
    name = f"sensors.{kind}"
    numbered = Text(lines=lines, origins=[Origin(name, first=n) for n, _ in enumerate(lines, 1)])
    with tempfile.TemporaryDirectory(prefix="ways-mpy-") as folder:
        try:
            data = compiled(numbered, name, Path(folder))
        except ToolError as exc:
            raise UsageError(f"--driver {path}: for MicroPython {exc}") from exc
    return DeviceFile(f"{_FOLDER}/{kind}.mpy", data)
