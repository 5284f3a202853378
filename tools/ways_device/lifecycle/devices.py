"""The devices of an account: a list for the eye or a program, and one device whole."""

from collections.abc import Iterator
from typing import Any

from ways_device.api.platform import Platform
from ways_device.errors import ApiError, NotFoundError
from ways_device.journal import Journal
from ways_device.lifecycle import profiles
from ways_device.secrets import one_line

COLUMNS = ("device_id", "name", "is_active", "is_online", "last_seen")
_OPEN = ("active", "acknowledged")


def listed(
    platform: Platform, search: str | None = None, tag: str | None = None, online: bool = False
) -> list[dict[str, Any]]:
    """Return the devices that fit, as lists show them.

    search  a part of the id or of the name, in whatever case
    Lists have no tags: where one is asked for, each device that fits otherwise is asked.
    """
    # A platform that knows the filter saves us calls; one that does not shows all.
    filters = {} if tag is None else {"tag": tag}
    found = [
        device
        for device in platform.devices.all(**filters)
        if _has(device, search) and (device.get("is_online") is True or not online)
    ]
    if tag is None:
        return found
    return [device for device in found if tag in _tags(platform, device)]


def _has(device: dict[str, Any], search: str | None) -> bool:
    text = f"{device.get('device_id')} {device.get('name')}"
    return search is None or search.lower() in text.lower()


def _tags(platform: Platform, device: dict[str, Any]) -> list[str]:
    told = device.get("tags")
    if isinstance(told, list):
        return told
    try:
        return platform.devices.tags(str(device.get("device_id")))
    except NotFoundError:
        # It was deleted while we were looking.
        return []


def shown(
    platform: Platform, journal: Journal, device_id: str, config: str | None = None
) -> dict[str, Any]:
    """Return all that is known of one device. Raises NotFoundError.

    config  the text of its board's settings, which tell the profile where nothing else does
    """
    device = platform.device(device_id)
    if device is None:
        raise NotFoundError(f"there is no device {device_id}; ways-device list shows all")
    entry = journal.load(platform.origin, device_id)
    profile = profiles.named(platform, profiles.told(device))
    settings = profiles.settings_of(config)
    if profile is None and settings is not None:
        fitting = profiles.fitting(platform, settings)
        profile = fitting[0] if len(fitting) == 1 else None
    return {
        **{key: value for key, value in device.items() if key != "tags"},
        "tags": _tags(platform, {**device, "device_id": device_id}),
        "health": _health(platform, device_id),
        "profile": profile.name if profile else None,
        "journal": entry.state if entry else None,
        "latest": _latest(platform, device_id),
        "open_alarms": list(_open_alarms(platform, device_id)),
    }


def _health(platform: Platform, device_id: str) -> dict[str, Any] | None:
    try:
        found = platform.devices.health(device_id)
    except ApiError as exc:
        # A device that never reported has none on some platforms; without a key nothing goes.
        if isinstance(exc, NotFoundError):
            return None
        raise
    kept = ("health_status", "health_score", "components")
    return {key: found[key] for key in kept if key in found}


def _latest(platform: Platform, device_id: str) -> list[dict[str, Any]]:
    return [
        {"name": one.name, "value": one.value, "unit": one.unit, "measured_at": one.measured_at}
        for one in platform.latest(device_id)
    ]


def _open_alarms(platform: Platform, device_id: str) -> Iterator[dict[str, Any]]:
    for alarm in platform.alarms(device_id=device_id):
        # A platform that ignores the filter shows the alarms of others too.
        if alarm.get("device_id") == device_id and alarm.get("status") in _OPEN:
            kept = ("id", "severity", "title", "status", "triggered_at")
            yield {key: alarm.get(key) for key in kept}


def as_lines(record: dict[str, Any]) -> dict[str, Any]:
    """Return a device for people: a line for each fact, and for each reading and alarm."""
    lines = {key: value for key, value in record.items() if key not in ("latest", "open_alarms")}
    health = record["health"] or {}
    lines["health"] = f"{health.get('health_status', '-')} ({health.get('health_score', '-')})"
    for one in record["latest"]:
        unit = f" {one['unit']}" if one["unit"] else ""
        lines[f"latest {one['name']}"] = f"{one['value']}{unit} at {one['measured_at']}"
    for number, alarm in enumerate(record["open_alarms"], 1):
        lines[f"alarm {number}"] = (
            f"{alarm['severity']} {alarm['title']}, {alarm['status']} since "
            f"{alarm['triggered_at']}"
        )
    return {one_line(key, 40): _flat(value) for key, value in lines.items()}


def _flat(value: Any) -> Any:
    return one_line(value) if isinstance(value, str) else value
