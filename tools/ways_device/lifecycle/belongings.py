"""What a device has on the platform besides its history, and its move to another device."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ways_device.api.platform import Platform
from ways_device.errors import ApiError, NotFoundError
from ways_device.lifecycle import profiles

# Written at every registration, about the board that it was for.
_OF_THE_BOARD = ("board", "provisioned_by")
# The id of no group anywhere, in the form that most have.
_NO_GROUP = "00000000-0000-4000-8000-000000000000"
_NO_SUCH_FILTER = (400, 422)


@dataclass
class Belongings:
    """name, tags, groups (ids), profile (id) and metadata of a device, as JSON can hold them."""

    name: str
    description: str = ""
    device_type: str = ""
    tags: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    profile_id: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    # The groups of which nobody could tell whether the device is in them.
    unknown_groups: list[str] = field(default_factory=list)


def of(platform: Platform, device_id: str, device: dict[str, Any]) -> Belongings:
    """Collect what a device has. Changes nothing."""
    metadata = device.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    groups, unknown = _groups(platform, device_id)
    return Belongings(
        name=str(device.get("name") or device_id),
        description=str(device.get("description") or ""),
        device_type=str(device.get("device_type") or ""),
        tags=platform.devices.tags(device_id),
        groups=groups,
        profile_id=profiles.told(device),
        metadata={key: value for key, value in metadata.items() if key not in _OF_THE_BOARD},
        unknown_groups=unknown,
    )


def _groups(platform: Platform, device_id: str) -> tuple[list[str], list[str]]:
    """Return (ids of the groups it is in, names of those of which it cannot be told).

    No call of the reference lists a group's members. Where the list of devices takes the group
    as a filter it serves; a platform that ignores filters shows devices of a group that is none.
    """
    groups = {
        str(group.get("id") or ""): str(group.get("name") or "") for group in platform.groups.all()
    }
    if groups and _members(platform, _NO_GROUP):
        return [], list(groups.values())
    members = {group_id: _members(platform, group_id) for group_id in groups}
    inside = [group_id for group_id, ids in members.items() if ids and device_id in ids]
    return inside, [groups[group_id] for group_id, ids in members.items() if ids is None]


def _members(platform: Platform, group_id: str) -> list[Any] | None:
    """Return the ids of a group's devices, None where the platform refuses to be asked so."""
    try:
        return [one.get("device_id") for one in platform.devices.all(group_id=group_id)]
    except NotFoundError:
        return []
    except ApiError as exc:
        if exc.status in _NO_SUCH_FILTER:
            return None
        raise


def move(platform: Platform, have: Belongings, device_id: str, replaces: str) -> None:
    """Give all of it to a device. Done again it changes nothing.

    replaces    the id of the device it was of, which the new one's metadata name
    """
    now = platform.device(device_id) or {}
    own = now.get("metadata")
    metadata = {**have.metadata, **(own if isinstance(own, dict) else {})}
    metadata.update(_noted(have, device_id, replaces))
    fields: dict[str, Any] = {"name": have.name, "metadata": metadata}
    for key in ("description", "device_type"):
        if getattr(have, key):
            fields[key] = getattr(have, key)
    platform.devices.change(device_id, **fields)
    platform.devices.add_tags(device_id, have.tags)
    for group_id in have.groups:
        platform.groups.add(group_id, [device_id])


def _noted(have: Belongings, device_id: str, replaces: str) -> Iterator[tuple[str, str]]:
    if have.profile_id:
        yield profiles.METADATA_KEY, have.profile_id
    if replaces != device_id:
        yield "replaces", replaces
