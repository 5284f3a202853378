"""Which profile a device follows. No call of the reference tells it: this is what can be known."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ways_device.api.platform import Platform, Profile
from ways_device.errors import NotFoundError
from ways_device.provision.settings import topics_of

# Where `replace` notes it, in the device's metadata.
METADATA_KEY = "profile"


@dataclass(frozen=True)
class Settings:
    """What a board's settings file says that a profile says too."""

    interval_s: int
    topics: tuple[str, ...]


def settings_of(config: str | None) -> Settings | None:
    """Return what matters here of a settings file, None if it is unreadable."""
    try:
        found = json.loads(config or "")
        interval_s, topics = found.get("interval_s", 60), found.get("topics", topics_of(()))
        return Settings(int(interval_s), tuple(str(topic) for topic in topics))
    except (AttributeError, TypeError, ValueError):
        return None


def told(device: dict[str, Any]) -> str:
    """Return the id of the profile that the device's own data name, "" if they name none."""
    metadata = device.get("metadata")
    noted = metadata.get(METADATA_KEY) if isinstance(metadata, dict) else None
    return str(device.get("profile_id") or noted or "")


def named(platform: Platform, profile_id: str) -> Profile | None:
    """Return the profile of this id, None if there is none any more."""
    try:
        return platform.profile(profile_id) if profile_id else None
    except NotFoundError:
        return None


def fitting(platform: Platform, settings: Settings) -> list[Profile]:
    """Return the profiles that a board with these settings does justice to."""
    same = [one for one in platform.profiles() if one.interval_s == settings.interval_s]
    return [one for one in (platform.profile(item.id) for item in same) if fits(one, settings)]


def fits(profile: Profile, settings: Settings) -> bool:
    return not differences(profile, settings)


def differences(profile: Profile, settings: Settings) -> Sequence[str]:
    """Return in words where a board's settings are not what the profile asks for."""
    found = []
    if profile.interval_s and profile.interval_s != settings.interval_s:
        found.append(
            f"the board reports every {settings.interval_s} s, the profile expects "
            f"{profile.interval_s} s"
        )
    if set(topics_of(profile.topics)) != set(topics_of(settings.topics)):
        found.append(
            f"the board sends to {', '.join(settings.topics)}, the profile expects "
            f"{', '.join(topics_of(profile.topics))}"
        )
    return found
