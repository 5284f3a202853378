"""One cell of devices.csv at a time: text into the value that a request has."""

import re
from collections.abc import Callable
from typing import Any

from ways_device.api.credentials import is_device_id
from ways_device.errors import UsageError
from ways_device.provision import request
from ways_device.secrets import one_line

SEPARATOR = ";"
_CHIP_PATTERN = re.compile(r"(?:[0-9a-f]{2}){4,16}")
# What the platform's reference shows is shorter by far; a tag is a part of a path.
_GROUP_MAX = 100
_TAG_MAX = 64
_TAGS_MAX = 20
_OPTION = re.compile(r"^--[a-z_-]+:? ")


def parse(column: str, text: str) -> Any:
    """Return the value of a cell that is not empty. Raises UsageError, without the column."""
    try:
        if column.startswith("set."):
            return request.settings([f"{column.removeprefix('set.')}={text}"])
        return _PARSERS[column](text)
    except UsageError as exc:
        # The words of the option of the same meaning, less its name.
        raise UsageError(_OPTION.sub("", str(exc))) from exc


def _name(text: str) -> str:
    return request.Request(text).name


def _device_id(text: str) -> str:
    if not is_device_id(text):
        raise UsageError("1 to 64 letters, digits, - or _ are expected")
    return text


def _chip_id(text: str) -> str:
    plain = re.sub("[:-]", "", text).lower()
    if not _CHIP_PATTERN.fullmatch(plain):
        raise UsageError(
            f"{one_line(text, 40)!r} is no chip id: hexadecimal digits, two a byte, are expected "
            "(a spreadsheet may have made a number of it: format the column as text)"
        )
    return plain


def _interval_s(text: str) -> int | None:
    if not re.fullmatch("[0-9]{1,6}", text):
        raise UsageError("a whole number of seconds is expected")
    return request.Request("any", interval_s=int(text)).interval_s


def _group(text: str) -> str:
    if len(text) > _GROUP_MAX or not text.isprintable():
        raise UsageError(f"at most {_GROUP_MAX} printable characters are expected")
    return text


def _tags(text: str) -> tuple[str, ...]:
    tags = tuple(dict.fromkeys(parts(text)))
    if len(tags) > _TAGS_MAX:
        raise UsageError(f"{len(tags)} tags; at most {_TAGS_MAX} are expected")
    for tag in tags:
        if len(tag) > _TAG_MAX or not tag.isprintable() or "/" in tag:
            raise UsageError(
                f"{one_line(tag, 40)!r}: a tag has at most {_TAG_MAX} printable characters, no /"
            )
    return tags


def _sensors(text: str) -> Any:
    return request.sensors(parts(text))


def parts(text: str) -> list[str]:
    """Return what the separator keeps apart, less empty parts."""
    return [part for part in (piece.strip() for piece in text.split(SEPARATOR)) if part]


_PARSERS: dict[str, Callable[[str], Any]] = {
    "name": _name,
    "device_id": _device_id,
    "chip_id": _chip_id,
    "profile": _group,
    "interval_s": _interval_s,
    "group": _group,
    "tags": _tags,
    "sensors": _sensors,
    "wifi": _group,
}
COLUMNS = tuple(_PARSERS)
