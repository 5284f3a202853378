"""What the config of a rule means, per rule type.

    type            keys (other spellings)                                      if left out
    threshold       datapoint_id (field, key): id or key of a datapoint         refused
                    operator: gt gte lt lte eq ne, or > >= < <= == !=           refused
                    value: a number; for eq and ne also text or a boolean       refused
                    duration_seconds (duration): 0 to a year                    0
    missing_data    timeout_seconds (duration_seconds, timeout, duration):      twice the interval
                    1 s to a year                                               of the device's
                                                                                profile, else 300
    offline         the same                                                    300
    message_rate    window_seconds (window): 60 s to a day, in whole minutes    300
                    min (min_messages), max (max_messages), or operator and     at least one
                    value: messages in the window
    reconnect_rate  window_seconds (window): 1 s to a week                      3600
                    max_reconnects (max), or value with an operator (gt):       at least one
                    reconnects in the window

The reference shows one config, that of a threshold with datapoint_id; the vendor's Terraform
provider shows field, signs as operators, duration, timeout_seconds. All other keys, and every
limit and default, are assumed. null is as good as left out. Keys that are not in this table are
kept and mean nothing.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ways_device.sandbox import wire
from ways_device.sandbox.wire import Json

_DAY_S, _WEEK_S, _YEAR_S = 86_400, 604_800, 31_536_000
_COUNT_MAX = 1_000_000_000
# Of a whole config, as JSON.
_SIZE_MAX = 65_536

# Every spelling that is accepted, and how SQL writes it.
_WORDS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "=", "ne": "<>"}
_SIGNS = {">": ">", ">=": ">=", "<": "<", "<=": "<=", "==": "=", "!=": "<>"}
_SPELLINGS = {**_WORDS, **_SIGNS}
# These order two values, so they need numbers.
_ORDERING = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    **_ORDERING,
    "=": operator.eq,
    "<>": operator.ne,
}


class ConfigError(ValueError):
    """A config that cannot be run. field is the key at fault, '' for the config as a whole."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


@dataclass(frozen=True)
class Silence:
    """missing_data and offline. None is the default of the type."""

    timeout_s: float | None


@dataclass(frozen=True)
class Rate:
    """message_rate and reconnect_rate: any of the tests (SQL operator, count) is enough."""

    window_s: float
    tests: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Threshold:
    # A datapoint's id or its key.
    datapoint: str
    operator: str
    value: float | str | bool
    duration_s: float

    def holds(self, value: Any) -> bool | None:
        """None if value is of another type, so that nothing can be said."""
        if isinstance(self.value, (bool, str)):
            is_same_type = type(value) is type(self.value)
        else:
            is_same_type = wire.is_number(value)
        return _COMPARE[self.operator](value, self.value) if is_same_type else None


Condition = Silence | Rate | Threshold

_Count = Annotated[float, Field(ge=0, le=_COUNT_MAX)]
_Name = Annotated[str, Field(min_length=1, max_length=255)]
_Word = Annotated[str, Field(max_length=8)]


class _Keys(BaseModel):
    # A number in quotes is text, and true is no number.
    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)


class _Silence(_Keys):
    timeout_seconds: Annotated[float, Field(ge=1, le=_YEAR_S)] | None = None


class _Threshold(_Keys):
    datapoint_id: _Name
    operator: _Word
    value: bool | float | Annotated[str, Field(max_length=4096)]
    duration_seconds: Annotated[float, Field(ge=0, le=_YEAR_S)] = 0


class _MessageRate(_Keys):
    window_seconds: Annotated[float, Field(ge=60, le=_DAY_S)] = 300
    min: _Count | None = None
    max: _Count | None = None
    operator: _Word | None = None
    value: _Count | None = None


class _ReconnectRate(_Keys):
    window_seconds: Annotated[float, Field(ge=1, le=_WEEK_S)] = 3600
    max_reconnects: _Count | None = None
    operator: _Word | None = None
    value: _Count | None = None


def _silence(keys: _Silence) -> Silence:
    return Silence(keys.timeout_seconds)


def _threshold(keys: _Threshold) -> Threshold:
    sign = _operator(keys.operator)
    if sign in _ORDERING and not wire.is_number(keys.value):
        raise ConfigError("value", f"Operator {keys.operator} needs a number")
    return Threshold(keys.datapoint_id, sign, keys.value, keys.duration_seconds)


def _message_rate(keys: _MessageRate) -> Rate:
    if keys.min is not None and keys.max is not None and keys.min > keys.max:
        raise ConfigError("min", "min must not be above max")
    if keys.value is not None and keys.operator is None:
        raise ConfigError("operator", "Field required beside value")
    limits = [("<", keys.min), (">", keys.max), *_compared(keys.operator, keys.value)]
    return Rate(keys.window_seconds, _tests(limits, "max", "min, max, or operator and value"))


def _reconnect_rate(keys: _ReconnectRate) -> Rate:
    word = keys.operator or ("gt" if keys.value is not None else None)
    limits = [(">", keys.max_reconnects), *_compared(word, keys.value)]
    return Rate(keys.window_seconds, _tests(limits, "max_reconnects", "max_reconnects or value"))


def _compared(word: str | None, value: float | None) -> list[tuple[str, float | None]]:
    if word is None:
        return []
    if value is None:
        raise ConfigError("value", "Field required beside operator")
    return [(_operator(word), value)]


def _tests(
    limits: list[tuple[str, float | None]], field: str, needed: str
) -> tuple[tuple[str, float], ...]:
    given = tuple((sign, limit) for sign, limit in limits if limit is not None)
    if not given:
        raise ConfigError(field, f"Field required: {needed}")
    return given


def _operator(word: str) -> str:
    if word not in _SPELLINGS:
        raise ConfigError("operator", f"Input should be one of {', '.join(_SPELLINGS)}")
    return _SPELLINGS[word]


_TIMEOUT = {"timeout_seconds": ("duration_seconds", "timeout", "duration")}
_WINDOW = {"window_seconds": ("window",)}


@dataclass(frozen=True)
class _Type:
    keys: type[_Keys]
    compiled: Callable[[Any], Condition]
    # The other spellings of a key.
    synonyms: Mapping[str, tuple[str, ...]]

    def family(self, key: str) -> tuple[str, ...]:
        """Return all keys that mean the same as this one, the usual one first."""
        for usual, others in self.synonyms.items():
            if key == usual or key in others:
                return (usual, *others)
        return (key,)


_TYPES = {
    "threshold": _Type(
        _Threshold,
        _threshold,
        {"datapoint_id": ("field", "key"), "duration_seconds": ("duration",)},
    ),
    "missing_data": _Type(_Silence, _silence, _TIMEOUT),
    "offline": _Type(_Silence, _silence, _TIMEOUT),
    "message_rate": _Type(
        _MessageRate,
        _message_rate,
        {**_WINDOW, "min": ("min_messages",), "max": ("max_messages",)},
    ),
    "reconnect_rate": _Type(
        _ReconnectRate, _reconnect_rate, {**_WINDOW, "max_reconnects": ("max",)}
    ),
}


def compiled(rule_type: str, config: Json) -> Condition:
    """Return what config asks for. Raises ConfigError."""
    kind = _TYPES[rule_type]
    if len(wire.dump(config)) > _SIZE_MAX:
        raise ConfigError("", f"More than {_SIZE_MAX} characters")
    given = {key: value for key, value in config.items() if value is not None}
    # usual spelling: the one that was sent. The usual one goes first.
    sent_as: dict[str, str] = {}
    for usual in kind.keys.model_fields:
        for key in kind.family(usual):
            if key in given:
                sent_as.setdefault(usual, key)
    try:
        return kind.compiled(kind.keys(**{usual: given[key] for usual, key in sent_as.items()}))
    except ValidationError as exc:
        error = exc.errors()[0]
        usual = str(error["loc"][0])
        raise ConfigError(sent_as.get(usual, usual), error["msg"]) from exc
    except ConfigError as exc:
        raise ConfigError(sent_as.get(exc.field, exc.field), str(exc)) from exc


def merged(rule_type: str, config: Json, changes: Json) -> Json:
    """Return config with the keys of changes in place of those that mean the same; null drops.

    The reference's own example of a PUT sends only the new value of a threshold, so what it does
    not send has to stay. That is assumed, and decided here alone.
    """
    replaced = {other for key in changes for other in _TYPES[rule_type].family(key)}
    kept = {key: value for key, value in config.items() if key not in replaced}
    return {**kept, **{key: value for key, value in changes.items() if value is not None}}
