"""The result of a run as CSV: one line for each row, replaced as a whole after every board."""

import csv
import io
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from ways_device.errors import ToolError, UsageError
from ways_device.fleet.sheet import Row
from ways_device.secrets import one_line, write_private

_SIZE_MAX = 20_000_000
_ERROR_MAX = 300
# A spreadsheet would take what begins so for a formula.
_FORMULA = ("=", "+", "-", "@")


@dataclass(frozen=True)
class Result:
    """What became of a row. seconds is the board's own time, from being looked at."""

    name: str
    device_id: str
    chip_id: str = ""
    port: str = ""
    state: str = "left"
    first_reading: str = ""
    seconds: str = ""
    error: str = ""


_COLUMNS = [field.name for field in fields(Result)]


class Results:
    """The file, and what is in it. Several threads may call it."""

    def __init__(self, path: Path, rows: Sequence[Row], done: set[str]) -> None:
        """Begin with what an earlier run wrote about rows that are done; done are names."""
        self._path = path
        self._lock = threading.Lock()
        before = {found.name: found for found in load(path) if found.state == "done"}
        self._lines: dict[str, str] = {}
        for row in rows:
            fresh = Result(row.name, row.device_id, row.chip_id)
            if row.name in done:
                fresh = before.get(row.name, replace(fresh, state="done"))
            self._keep(fresh)
        # Found out now rather than after the first board.
        self._write()

    def put(self, result: Result) -> None:
        """Note a row's result, and have it on the disk when this returns."""
        with self._lock:
            self._keep(result)
            self._write()

    def _keep(self, result: Result) -> None:
        safe = replace(
            result, first_reading=_safe(result.first_reading), error=_safe(result.error)
        )
        # All lines are written again after every board: each is made once.
        self._lines[result.name] = _line(list(asdict(safe).values()))

    def _write(self) -> None:
        lines = [_line(_COLUMNS), *self._lines.values()]
        try:
            write_private(self._path, "".join(lines).encode("utf-8", "replace"))
        except OSError as exc:
            raise ToolError(f"cannot write the results to {self._path}: {exc.strerror}") from exc


def _line(cells: Sequence[str]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(cells)
    return text.getvalue()


def _safe(text: str) -> str:
    """Return words that the board or the platform may have chosen, fit for a spreadsheet."""
    line = one_line(text, _ERROR_MAX)
    return f" {line}" if line.startswith(_FORMULA) else line


def load(path: Path) -> list[Result]:
    """Return what the file says, nothing if there is none. Raises UsageError for another file."""
    try:
        if path.stat().st_size > _SIZE_MAX:
            raise UsageError(f"{path}: over {_SIZE_MAX // 1_000_000} MB; not a result of a fleet")
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"{path}: cannot be read; name another file with --result") from exc
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        if text and reader.fieldnames != _COLUMNS:
            raise UsageError(f"{path}: not a result of a fleet; name another with --result")
        return [Result(**{name: row[name] or "" for name in _COLUMNS}) for row in reader]
    except csv.Error as exc:
        raise UsageError(f"{path}: not CSV ({exc}); name another with --result") from exc
