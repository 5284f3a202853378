"""The device as the platform has it, and its profile, against what the board holds."""

from collections.abc import Iterator

from ways_device.api.platform import Platform
from ways_device.doctor.finding import Finding, Place
from ways_device.errors import ApiError
from ways_device.lifecycle import profiles
from ways_device.secrets import one_line

_PLATFORM = Place("platform")
_CONFORM = "run ways-device provision again with --profile NAME: it sets the board by the profile"


def match(platform: Platform, device_id: str, config: str | None) -> Iterator[Finding]:
    """Yield how the device is on the platform, and whether the board does what is expected."""
    try:
        device = platform.device(device_id)
        if device is None:
            yield _PLATFORM.problem(
                "device",
                f"the account has no {device_id}: it was deleted, or is another account's",
                "run ways-device provision: it registers the board anew",
            )
            return
        if device.get("is_active") is False:
            todo = f"activate it: ways-device api PATCH devices/{device_id} -d '" + (
                '{"is_active": true}\''
            )
            yield _PLATFORM.problem("device", f"{device_id} is inactive: no login", todo)
        else:
            seen = one_line(str(device.get("last_seen") or "never"), 40)
            yield _PLATFORM.ok("device", f"{device.get('name') or device_id}, last seen: {seen}")
        settings = profiles.settings_of(config)
        if settings is not None:
            yield _profile(platform, profiles.told(device), settings)
    except ApiError as exc:
        yield _PLATFORM.failed("device", exc)


def _profile(platform: Platform, profile_id: str, settings: profiles.Settings) -> Finding:
    """Judge the settings by the device's profile, or where nobody knows it by all there are."""
    known = profiles.named(platform, profile_id)
    if known is not None:
        found = profiles.differences(known, settings)
        if found:
            return _PLATFORM.problem("profile", f"{known.name}: {'; '.join(found)}", _CONFORM)
        return _PLATFORM.ok("profile", f"{known.name}: the board does what it expects")
    does = f"every {settings.interval_s} s to {', '.join(settings.topics)}"
    fitting = profiles.fitting(platform, settings)
    if fitting:
        names = ", ".join(one_line(profile.name, 40) for profile in fitting[:3])
        return _PLATFORM.ok("profile", f"the board reports {does}, as {names} expects")
    if not platform.profiles():
        return _PLATFORM.ok("profile", f"the board reports {does}; the account has no profile")
    words = f"the board reports {does}; no profile of the account expects that"
    return _PLATFORM.problem("profile", words, _CONFORM)
