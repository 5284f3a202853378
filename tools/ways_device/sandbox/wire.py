"""Text to values and back: JSON within bounds, ISO-8601 times."""

import json
from datetime import datetime, timezone
from typing import Any

Json = dict[str, Any]

# Deep enough for any metadata, shallow enough that no serializer runs out of stack.
DEPTH_MAX = 16


def parse(payload: bytes) -> Any:
    """Return the JSON value in payload.

    Raises ValueError if it is no JSON, not UTF-8, nested deeper than DEPTH_MAX, or holds what
    JSON cannot carry on (NaN, infinity, half a surrogate pair).
    """
    try:
        value = json.loads(payload)
    except RecursionError:
        raise ValueError("nested too deep") from None
    check(value)
    return value


def check(value: Any) -> None:
    """Raise ValueError unless value can be written as JSON again, at most DEPTH_MAX deep."""
    _check_depth(value, DEPTH_MAX)
    dump(value).encode()


def _check_depth(value: Any, left: int) -> None:
    if not isinstance(value, (dict, list)):
        return
    if left == 0:
        raise ValueError(f"nested deeper than {DEPTH_MAX}")
    for inner in value.values() if isinstance(value, dict) else value:
        _check_depth(inner, left - 1)


def dump(value: Any) -> str:
    """Return value as compact JSON with sorted keys, so that equal values have equal text."""
    return json.dumps(
        value, allow_nan=False, ensure_ascii=False, sort_keys=True, separators=(",", ":")
    )


def is_number(value: Any) -> bool:
    """True for int and float, not for bool."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def iso(epoch_s: float | None) -> str | None:
    """Return UTC as 2026-03-30T09:55:00Z, with milliseconds where there are any."""
    if epoch_s is None:
        return None
    moment = datetime.fromtimestamp(round(epoch_s, 3), timezone.utc)
    spec = "milliseconds" if moment.microsecond else "seconds"
    return moment.isoformat(timespec=spec).replace("+00:00", "Z")


def epoch(moment: datetime) -> float:
    """Return Unix seconds; a time without a zone is taken as UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
