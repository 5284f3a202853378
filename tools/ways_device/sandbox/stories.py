"""The texts of alarms and webhooks, per rule type."""

import json
from typing import Any

from ways_device.sandbox.responder import Story
from ways_device.sandbox.rule_config import Rate, Threshold

_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
_SHOWN = {"=": "==", "<>": "!="}
_VALUE_MAX = 80


def offline(device_id: str, silent_s: float) -> Story:
    return Story(f"Device offline: {device_id}", f"Device has been offline for {span(silent_s)}")


def missing_data(device_id: str, silent_s: float) -> Story:
    return Story(f"No data: {device_id}", f"Device has sent no telemetry for {span(silent_s)}")


def message_rate(device_id: str, rate: Rate, count: float) -> Story:
    return Story(f"Message rate: {device_id}", _counted("message", rate, count))


def reconnect_rate(device_id: str, rate: Rate, count: float) -> Story:
    return Story(f"Reconnect rate: {device_id}", _counted("reconnect", rate, count))


def threshold(device_id: str, condition: Threshold, key: str, value: Any) -> Story:
    limit = f"{_SHOWN.get(condition.operator, condition.operator)} {_text(condition.value)}"
    held = f" for {span(condition.duration_s)}" if condition.duration_s else ""
    return Story(f"{key} {limit}: {device_id}", f"{key} is {_text(value)}, {limit}{held}")


def span(seconds: float) -> str:
    """Return a time in its largest unit, rounded down."""
    unit, size = next((pair for pair in _UNITS if seconds >= pair[1]), _UNITS[-1])
    return _many(int(seconds // size), unit)


def _counted(what: str, rate: Rate, count: float) -> str:
    limits = " or ".join(f"{_SHOWN.get(sign, sign)} {_text(limit)}" for sign, limit in rate.tests)
    return f"{_many(int(count), what)} in {span(rate.window_s)}, {limits}"


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _text(value: Any) -> str:
    """Return a value as JSON has it, 35.0 as 35, and the start of a long text."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _VALUE_MAX else f"{text[:_VALUE_MAX]}..."
