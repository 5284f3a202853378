"""The calls of the platform that this tool makes, with answers as plain values."""

from dataclasses import dataclass
from typing import Any

from ways_device.api import pages
from ways_device.api.answers import Answer
from ways_device.api.client import Client
from ways_device.api.credentials import Broker, read_broker
from ways_device.api.devices import Devices
from ways_device.api.groups import Groups
from ways_device.errors import AmbiguousError, ApiError, ConflictError, NotFoundError

_PROFILE_FIELDS = ("name", "description", "expected_topics", "metadata")


@dataclass(frozen=True)
class Profile:
    id: str
    name: str
    interval_s: int | None
    topics: tuple[str, ...] = ()


@dataclass(frozen=True)
class Datapoint:
    key: str
    unit: str
    data_type: str


@dataclass(frozen=True)
class Latest:
    """The newest value of one datapoint; measured_at as the platform writes it."""

    name: str
    measured_at: str
    value: Any
    unit: str


@dataclass(frozen=True)
class Subscription:
    """The account's plan. None stands for what the platform does not tell."""

    plan: str
    device_limit: int | None
    device_count: int | None


class Platform:
    """One account on the platform; what concerns devices or groups that exist is below those."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.origin = client.origin
        self.devices = Devices(client)
        self.groups = Groups(client)

    def broker(self) -> Broker:
        return read_broker(self._client.get("credentials").json("GET /v1/iot/credentials"))

    def server_date(self) -> str:
        """See that the API answers and takes the key; return its time as the answer has it."""
        return self._client.get("credentials").date

    def subscription(self) -> Subscription:
        answer = self._client.get("subscription").json("GET /v1/iot/subscription")
        found = pages.inner(answer, "subscription")
        return Subscription(
            str(found.get("plan") or ""),
            _count(found.get("device_limit")),
            _count(found.get("device_count")),
        )

    def alarms(self, **filters: str) -> list[dict[str, Any]]:
        """Return alarms; filters are status, severity, device_id, rule_id."""
        return list(pages.every(self._client, "alarms", **filters))

    def device(self, device_id: str) -> dict[str, Any] | None:
        """Return the device as the platform shows it, or None if it has none of this id."""
        return self.devices.get(device_id)

    def register(self, device_id: str, name: str, metadata: dict[str, str]) -> Answer:
        """Make the device. Sent once: AmbiguousError if nobody can tell what became of it."""
        body = {
            "device_id": device_id,
            "name": name,
            "device_type": "ESP32",
            "metadata": metadata,
        }
        return self._client.call("POST", "devices", body=body)

    def delete_device(self, device_id: str) -> None:
        self.devices.delete(device_id)

    def rename_device(self, device_id: str, name: str) -> None:
        self.devices.change(device_id, name=name)

    def profiles(self) -> list[Profile]:
        return [_profile(item) for item in self._items("profiles")]

    def profile(self, profile_id: str) -> Profile:
        """Return one profile whole: lists leave its topics out."""
        found = self._client.get("profiles", profile_id).json("GET /v1/iot/profiles")
        return _profile(pages.inner(found, "profile"))

    def create_profile(self, name: str, interval_s: int, topics: list[str]) -> Profile:
        body = {
            "name": name,
            "description": f"Made by ways-device: a reading every {interval_s} s.",
            "expected_topics": topics,
            "reporting_interval_seconds": interval_s,
        }
        try:
            answer = self._client.call("POST", "profiles", body=body)
        except (AmbiguousError, ConflictError):
            made = [profile for profile in self.profiles() if profile.name == name]
            if not made:
                raise
            return self.profile(made[0].id)
        return _profile(pages.inner(answer.json("POST /v1/iot/profiles"), "profile"))

    def set_interval(self, profile_id: str, interval_s: int) -> Profile:
        """Change a profile's reporting interval; return the profile as it is then.

        All that it has is sent along: whether PUT keeps what is not given is documented nowhere.
        """
        whole = pages.inner(
            self._client.get("profiles", profile_id).json("GET /v1/iot/profiles"), "profile"
        )
        body = {key: whole[key] for key in _PROFILE_FIELDS if whole.get(key) is not None}
        body["reporting_interval_seconds"] = interval_s
        self._client.call("PUT", "profiles", profile_id, body=body)
        changed = self.profile(profile_id)
        if changed.interval_s != interval_s:
            raise ApiError(
                f"the platform took the interval of {interval_s} s and still says "
                f"{changed.interval_s} s; try again later"
            )
        return changed

    def apply_profile(self, profile_id: str, device_id: str) -> None:
        # Applying twice is applying once.
        self._client.call("POST", "profiles", profile_id, "apply", device_id, repeat=True)

    def datapoints(self) -> dict[str, Datapoint]:
        """Return the account's datapoints by key. Answers call the key `name`."""
        found = {}
        for item in self._items("datapoints"):
            key = item.get("name") or item.get("key")
            if isinstance(key, str):
                found[key] = Datapoint(
                    key, str(item.get("unit") or ""), str(item.get("data_type") or "")
                )
        return found

    def create_datapoint(self, point: Datapoint) -> None:
        body = {
            "key": point.key,
            "label": point.key.replace("_", " ").capitalize(),
            "unit": point.unit,
            "data_type": point.data_type,
        }
        try:
            self._client.call("POST", "datapoints", body=body)
        except (AmbiguousError, ConflictError):
            if point.key not in self.datapoints():
                raise

    def latest(self, device_id: str) -> list[Latest]:
        """Return the newest value of each datapoint; empty while there is none."""
        try:
            answer = self._client.get("devices", device_id, "telemetry", "latest")
        except NotFoundError:
            return []
        found = answer.json("GET /v1/iot/devices/telemetry/latest")
        return [
            Latest(
                str(item.get("name") or item.get("key") or ""),
                str(item.get("measured_at") or ""),
                item.get("value"),
                str(item.get("unit") or ""),
            )
            for item in pages.items(found, "telemetry")
        ]

    def _items(self, name: str) -> list[dict[str, Any]]:
        return list(pages.every(self._client, name))


def _profile(item: dict[str, Any]) -> Profile:
    topics = item.get("expected_topics")
    return Profile(
        id=str(item.get("id") or ""),
        name=str(item.get("name") or ""),
        interval_s=_count(item.get("reporting_interval_seconds")) or None,
        topics=tuple(str(topic) for topic in topics) if isinstance(topics, list) else (),
    )


def _count(value: Any) -> int | None:
    """Return a number of things; None for anything else, true and -1 among it."""
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if is_count else None
