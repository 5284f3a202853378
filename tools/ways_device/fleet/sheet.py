"""devices.csv: the rows of a fleet, all checked before anything is done.

    name         the device's name on the platform
    device_id    its id, or
    chip_id      the unique id of its board, which makes esp32-<chip_id>; both may be there
    profile      a profile's name or id, or
    interval_s   seconds between readings
    group        made if the account has none of this name
    tags         with ; between them
    sensors      as --sensor has them, with ; between them
    wifi         one of the sets of the Wi-Fi file
    set.KEY      a setting of the device

A row needs a name, and one of device_id and chip_id; any other column may be absent or empty.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ways_device.errors import UsageError
from ways_device.fleet import cells
from ways_device.provision.command import device_id_of
from ways_device.provision.request import Request
from ways_device.secrets import one_line
from ways_device.wifi import Network

_SIZE_MAX = 5_000_000
ROWS_MAX = 10_000
_TOLD_MAX = 20
# Two boards of one of these would be one device.
_UNIQUE = ("name", "device_id", "chip_id")

Sets = Mapping[str, Sequence[Network]]


@dataclass(frozen=True)
class Row:
    """One device of the sheet. chip_id is "" where any board will do."""

    line: int
    name: str
    device_id: str
    chip_id: str
    request: Request
    wifi: Sequence[Network] = ()


def load(
    path: Path, defaults: Request, sets: Sets | None, warn: Callable[[str], None]
) -> list[Row]:
    """Return the rows. Raises UsageError after warn() was told each cell that is wrong.

    defaults    what all rows have in common
    sets        the Wi-Fi networks by name; None where they do not matter
    """
    reading = _Reading(defaults, sets)
    rows = reading.rows(_records(path))
    problems = reading.problems
    if not problems and not rows:
        problems = ["no row below the header"]
    if len(problems) == 1:
        raise UsageError(f"{path}: {problems[0]}")
    for problem in problems[:_TOLD_MAX]:
        warn(f"{path}: {problem}")
    if problems:
        raise UsageError(f"{path}: {len(problems)} things are wrong; nothing was done")
    return rows


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, cells) of what is not empty. Raises UsageError."""
    try:
        with path.open("rb") as file:
            data = file.read(_SIZE_MAX + 1)
        text = data.decode("utf-8-sig")
    except OSError as exc:
        raise UsageError(f"cannot read {path}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise UsageError(f"{path}: not text in UTF-8; save the sheet as CSV UTF-8") from exc
    if len(data) > _SIZE_MAX:
        raise UsageError(f"{path}: over {_SIZE_MAX // 1_000_000} MB; split it")
    header = text.lstrip().split("\n", 1)[0]
    # Where the comma is the decimal point, spreadsheets write semicolons.
    delimiter = ";" if ";" in header and "," not in header else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for found in reader:
            stripped = [cell.strip() for cell in found]
            if any(stripped):
                yield line, stripped
            line = reader.line_num + 1
    except csv.Error as exc:
        raise UsageError(f"{path}: line {reader.line_num}: not CSV ({exc})") from exc


class _Reading:
    """Turns records into rows, and collects what is wrong with them."""

    def __init__(self, defaults: Request, sets: Sets | None) -> None:
        self.problems: list[str] = []
        self._defaults = defaults
        self._sets = sets
        self._seen: dict[tuple[str, str], int] = {}

    def rows(self, records: Iterator[tuple[int, list[str]]]) -> list[Row]:
        line, header = next(records, (1, []))
        self._check_header(line, header)
        rows: list[Row] = []
        for line, found in records if not self.problems else ():
            row = self._row(line, header, found)
            if row is not None:
                rows.append(row)
            if len(rows) > ROWS_MAX:
                self.problems.append(f"over {ROWS_MAX} rows; split the file")
                break
        return rows

    def _check_header(self, line: int, header: list[str]) -> None:
        for name in header:
            is_setting = name.startswith("set.") and name.removeprefix("set.").isidentifier()
            if not is_setting and name not in cells.COLUMNS:
                known = ", ".join(cells.COLUMNS)
                what = f"there is no such column; there are {known}, set.KEY"
                self._wrong(line, one_line(name, 40) or "a cell", what)
        for name in sorted({name for name in header if header.count(name) > 1}):
            self._wrong(line, one_line(name, 40), "this column is there more than once")
        if "name" not in header:
            self._wrong(line, "name", "this column is missing")
        if not {"device_id", "chip_id"} & set(header):
            self._wrong(line, "device_id", "this column or chip_id is missing")

    def _row(self, line: int, header: list[str], found: list[str]) -> Row | None:
        """Return a row, or None if something is wrong with it."""
        before = len(self.problems)
        if len(found) > len(header):
            self.problems.append(
                f"line {line}: {len(found)} cells, the header has {len(header)}; put quotes "
                "around a cell that has the separator in it"
            )
            return None
        values: dict[str, Any] = {}
        for column, text in zip(header, found, strict=False):
            if text:
                self._take(line, column, text, values)
        if len(self.problems) == before:
            self._check_needed(line, values)
            self._check_unique(line, values)
            self._check_wifi(line, values)
        return self._made(line, values) if len(self.problems) == before else None

    def _take(self, line: int, column: str, text: str, values: dict[str, Any]) -> None:
        try:
            value = cells.parse(column, text)
        except UsageError as exc:
            self._wrong(line, column, str(exc))
            return
        if column.startswith("set."):
            values.setdefault("settings", {}).update(value)
        else:
            values[column] = value

    def _check_needed(self, line: int, values: dict[str, Any]) -> None:
        if "name" not in values:
            self._wrong(line, "name", "it is empty")
        if "chip_id" in values:
            values.setdefault("device_id", device_id_of(values["chip_id"]))
        if "device_id" not in values:
            self._wrong(line, "device_id", "this or chip_id is needed")
        if "profile" in values and "interval_s" in values:
            self._wrong(line, "interval_s", "a profile has its interval; give one of the two")

    def _check_unique(self, line: int, values: dict[str, Any]) -> None:
        for column in _UNIQUE:
            if column in values:
                first = self._seen.setdefault((column, values[column]), line)
                if first != line:
                    self._wrong(line, column, f"the same as on line {first}")

    def _check_wifi(self, line: int, values: dict[str, Any]) -> None:
        """Find the row's networks: those named, or the only ones there are."""
        sets = self._sets
        if sets is None:
            return
        only = next(iter(sets)) if len(sets) == 1 else ""
        wanted = str(values.get("wifi", only))
        if wanted in sets:
            values["networks"] = sets[wanted]
            return
        known = ", ".join(one_line(name, 40) for name in sets if name) or "none"
        self._wrong(line, "wifi", f"a set of the Wi-Fi file is expected; there are: {known}")

    def _made(self, line: int, values: dict[str, Any]) -> Row:
        optional = ("profile", "interval_s", "group", "tags", "sensors")
        given = {key: values[key] for key in optional if key in values}
        settings = {**self._defaults.settings, **values.get("settings", {})}
        request = replace(
            self._defaults,
            name=values["name"],
            device_id=values["device_id"],
            settings=settings,
            **given,
        )
        chip_id, wifi = values.get("chip_id", ""), values.get("networks", ())
        return Row(line, values["name"], values["device_id"], chip_id, request, wifi)

    def _wrong(self, line: int, column: str, what: str) -> None:
        self.problems.append(f"line {line}, {column}: {what}")
