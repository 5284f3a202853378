"""The board's settings file: what provisioning decides, over what the device had before."""

import json
from collections.abc import Sequence
from typing import Any

from ways_device.api.credentials import Broker
from ways_device.errors import UsageError
from ways_device.provision.request import Request

_DEFAULT_TOPIC = "devices/+/telemetry"
_OWN_TREE = "devices/+/"
_READINGS = ("telemetry", "sensors/")


def topics_of(expected: Sequence[str]) -> list[str]:
    """Return where readings go: the profile's topics that a device can serve, else telemetry."""
    served = [
        topic
        for topic in expected
        if topic.startswith(_OWN_TREE) and topic[len(_OWN_TREE) :].startswith(_READINGS)
    ]
    return served or [_DEFAULT_TOPIC]


def broker_of(request: Request, told: Broker) -> Broker:
    """Return the broker the board is to use: the platform's, but for what --set says."""
    host = request.settings.get("mqtt_host", told.host)
    port = request.settings.get("mqtt_port", told.tls_port)
    if not isinstance(host, str) or not isinstance(port, int):
        raise UsageError("--set: mqtt_host is a name, mqtt_port a number")
    return Broker(host, port)


_DOWNLINK = {"commands_topic": "devices/+/commands", "config_topic": "devices/+/config"}


def decide(
    request: Request, broker: Broker, interval_s: int, topics: Sequence[str]
) -> dict[str, Any]:
    """Return the settings that this provisioning is about."""
    return {
        "mqtt_host": broker.host,
        "mqtt_port": broker.tls_port,
        "interval_s": interval_s,
        "sensors": list(request.sensors),
        "topics": topics_of(topics),
        "telemetry_sequence": request.for_sandbox,
        "log_level": request.log_level,
        # The platform's reference has nothing that it would send to a device.
        **(_DOWNLINK if request.for_sandbox else {}),
        **request.settings,
    }


def merge(previous: str | None, decided: dict[str, Any]) -> dict[str, Any]:
    """Return decided over the device's previous file, with the revision one higher if they differ.

    previous is None where there is none, or where it is another device's.
    """
    old = _parsed(previous)
    old_rev = old.pop("rev", 0)
    new = {**old, **decided}
    if not isinstance(old_rev, int):
        old_rev = 0
    return {"rev": old_rev if new == old else old_rev + 1, **new}


def without(settings: dict[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    """Return the settings less the keys that no version of the agent on this board knows."""
    return {key: value for key, value in settings.items() if key not in keys}


def as_bytes(settings: dict[str, Any]) -> bytes:
    # Always the same bytes for the same settings: an unchanged file is not written again.
    return json.dumps(settings, sort_keys=True, separators=(",", ":")).encode()


def _parsed(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
