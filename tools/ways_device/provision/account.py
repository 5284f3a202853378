"""Profile, datapoints, group: what the account has to know before a device reports."""

import threading
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


class Account:
    """What the account has of it, asked for once and made once, for any number of boards.

    Several threads may call it: those that need the same thing wait for the one that makes it.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._lock = threading.RLock()
        self._choices: dict[tuple[str | None, int | None], Choice] = {}
        self._profiles: dict[str, Profile] = {}
        self._ready: set[Datapoint] = set()
        self._groups: dict[str, str] = {}

    def choose_profile(self, request: Request) -> Choice:
        """Find the profile asked for, as the function of this name does."""
        key = (request.profile, request.interval_s)
        with self._lock:
            if key not in self._choices:
                self._choices[key] = choose_profile(self._platform, request)
            return self._choices[key]

    def ensure_profile(self, choice: Choice) -> Profile:
        """Return the profile, made if it did not exist."""
        name = choice.profile.name
        with self._lock:
            if choice.profile.id:
                return choice.profile
            if name not in self._profiles:
                self._profiles[name] = ensure_profile(self._platform, choice)
            return self._profiles[name]

    def ensure_datapoints(self, points: Sequence[Datapoint]) -> int:
        """Make those that the account lacks; return how many. Raises ConflictError."""
        with self._lock:
            if self._ready.issuperset(points):
                return 0
            missing = missing_datapoints(self._platform, points)
            for point in missing:
                self._platform.create_datapoint(point)
            self._ready.update(points)
            return len(missing)

    def ensure_group(self, name: str) -> str:
        """Return the group's id; it is made if there is none of this name."""
        with self._lock:
            if name not in self._groups:
                self._groups[name] = self._platform.groups.ensure(name)
            return self._groups[name]


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
