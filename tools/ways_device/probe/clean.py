"""Answers as they may stand in a report: the shape whole, of the values only what is harmless.

A field that no document names could hold anything of the account's owner: its value is left out.
"""

import re
from typing import Any

from ways_device.api.answers import Answer
from ways_device.errors import ApiError
from ways_device.secrets import one_line

_SECRET = re.compile(r"pass|secret|token|key|auth", re.IGNORECASE)
_KNOWN_WORDS = (
    "device_id name description device_type metadata made_by is_active is_online last_seen "
    "connection_status stability_score firmware_version tags messages_24h battery_level "
    "signal_strength created_at updated_at status type device data mqtt_credentials "
    "credentials mqtt mqtt_username mqtt_client_id username client_id mqtt_broker broker "
    "broker_url host port tls_port websocket_port protocol protocols ports mqtts ws wss "
    "mqtt_versions detail error code message details field provided expected loc msg input "
    "ctx url errors added config value operator duration_seconds rule_type severity "
    "is_enabled "
)
_KNOWN = frozenset(_KNOWN_WORDS.split())
_DEPTH_MAX = 8
_MANY = 20


def body(answer: Answer, secret_words: tuple[str, ...], run: str) -> Any:
    """Return an answer's body for a report: JSON without secrets and without the run's name."""
    try:
        found = answer.json("") if answer.text.strip() else None
    except ApiError:
        return one_line(words(answer.text, secret_words, run))
    return _cleaned(found, secret_words, run, 0)


def words(text: str, secret_words: tuple[str, ...], run: str) -> str:
    for word in secret_words:
        text = text.replace(word, "***")
    return text.replace(run, "RUN")


def _cleaned(found: Any, secret_words: tuple[str, ...], run: str, depth: int) -> Any:
    if depth > _DEPTH_MAX:
        return _kind(found)
    if isinstance(found, dict):
        return {
            one_line(words(str(key), secret_words, run), 60): _field(
                str(key), value, secret_words, run, depth
            )
            for key, value in found.items()
        }
    if isinstance(found, list):
        return [_cleaned(item, secret_words, run, depth + 1) for item in found[:_MANY]]
    return one_line(words(found, secret_words, run)) if isinstance(found, str) else found


def _field(key: str, value: Any, secret_words: tuple[str, ...], run: str, depth: int) -> Any:
    if _SECRET.search(key) and not isinstance(value, dict | list):
        return "***"
    if key not in _KNOWN and not isinstance(value, bool | type(None)):
        return _kind(value)
    return _cleaned(value, secret_words, run, depth + 1)


def _kind(value: Any) -> str:
    return f"<{type(value).__name__}>"
