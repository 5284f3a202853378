"""Profile and datapoints: what the account has to know before a device reports."""

from collections.abc import Sequence
from dataclasses import dataclass

from ways_device.api.platform import Datapoint, Platform, Profile
from ways_device.errors import ConflictError, NotFoundError, UsageError
from ways_device.provision.request import DEFAULT_INTERVAL_S, Request
from ways_device.secrets import one_line

_TOPIC = "devices/+/telemetry"


@dataclass(frozen=True)
class Choice:
    """The profile to apply. Without an id it is still to be made."""

    profile: Profile
    interval_s: int


def choose_profile(platform: Platform, request: Request) -> Choice:
    """Find the profile asked for, by id, name or interval. Makes nothing."""
    known = platform.profiles()
    if request.profile is not None:
        chosen = platform.profile(_named(known, request.profile).id)
        return Choice(chosen, chosen.interval_s or DEFAULT_INTERVAL_S)
    interval_s = request.interval_s or DEFAULT_INTERVAL_S
    name = f"ways-device every {interval_s} s"
    same = [profile for profile in known if profile.interval_s == interval_s]
    # Our own before others: an owner's profile may expect topics of another kind of device.
    for profile in sorted(same, key=lambda profile: profile.name != name):
        whole = platform.profile(profile.id)
        if not whole.topics or _TOPIC in whole.topics:
            return Choice(whole, interval_s)
    return Choice(Profile("", name, interval_s, (_TOPIC,)), interval_s)


def _named(known: Sequence[Profile], wanted: str) -> Profile:
    found = [profile for profile in known if profile.id == wanted]
    found = found or [profile for profile in known if profile.name == wanted]
    if len(found) > 1:
        ids = ", ".join(one_line(profile.id) for profile in found)
        raise UsageError(f"--profile {wanted}: {len(found)} have this name; give an id: {ids}")
    if not found:
        names = ", ".join(sorted(one_line(profile.name, 40) for profile in known)[:8])
        raise NotFoundError(
            f"--profile {wanted}: there is none of this name or id; there are: {names or 'none'}"
        )
    return found[0]


def ensure_profile(platform: Platform, choice: Choice) -> Profile:
    """Return the profile, made if it did not exist."""
    wanted = choice.profile
    if wanted.id:
        return wanted
    return platform.create_profile(wanted.name, choice.interval_s, list(wanted.topics))


def missing_datapoints(platform: Platform, points: Sequence[Datapoint]) -> list[Datapoint]:
    """Return the points the account lacks. Raises ConflictError for one of another type."""
    known = platform.datapoints()
    for point in points:
        there = known.get(point.key)
        if there is not None and there.data_type not in ("", point.data_type):
            raise ConflictError(
                f"the account's datapoint {point.key} is a {one_line(there.data_type, 20)}, this "
                f"sensor tells a {point.data_type}; give another one with --sensor KIND:key=NAME"
            )
    return [point for point in points if point.key not in known]
