"""The calls of the platform that this tool makes, with answers as plain values."""

from dataclasses import dataclass
from typing import Any

from ways_device.api.answers import Answer
from ways_device.api.client import Client
from ways_device.api.credentials import Broker, read_broker
from ways_device.errors import AmbiguousError, ConflictError, NotFoundError


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


class Platform:
    """One account on the platform."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.origin = client.origin

    def broker(self) -> Broker:
        return read_broker(self._client.get("credentials").json("GET /v1/iot/credentials"))

    def device(self, device_id: str) -> dict[str, Any] | None:
        """Return the device as the platform shows it, or None if it has none of this id."""
        try:
            answer = self._client.get("devices", device_id)
        except NotFoundError:
            return None
        found = answer.json("GET /v1/iot/devices")
        if isinstance(found, dict) and isinstance(found.get("device"), dict):
            return dict(found["device"])
        return found if isinstance(found, dict) else {}

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
        try:
            self._client.call("DELETE", "devices", device_id)
        except NotFoundError:
            return

    def rename_device(self, device_id: str, name: str) -> None:
        self._client.call("PATCH", "devices", device_id, body={"name": name})

    def profiles(self) -> list[Profile]:
        return [_profile(item) for item in self._items("profiles")]

    def profile(self, profile_id: str) -> Profile:
        """Return one profile whole: lists leave its topics out."""
        found = self._client.get("profiles", profile_id).json("GET /v1/iot/profiles")
        inner = found.get("profile") if isinstance(found, dict) else None
        return _profile(inner if isinstance(inner, dict) else found)

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
        return _profile(answer.json("POST /v1/iot/profiles"))

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
            for item in _list(found, "telemetry")
        ]

    def _items(self, name: str) -> list[dict[str, Any]]:
        return _list(self._client.get(name).json(f"GET /v1/iot/{name}"), name)


def _list(found: Any, name: str) -> list[dict[str, Any]]:
    """Return the objects of a list answer, bare or in an envelope."""
    if isinstance(found, dict):
        found = next((found[key] for key in (name, "items", "data") if key in found), [])
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _profile(item: Any) -> Profile:
    item = item if isinstance(item, dict) else {}
    interval = item.get("reporting_interval_seconds")
    topics = item.get("expected_topics")
    return Profile(
        id=str(item.get("id") or ""),
        name=str(item.get("name") or ""),
        interval_s=interval if isinstance(interval, int) and interval > 0 else None,
        topics=tuple(str(topic) for topic in topics) if isinstance(topics, list) else (),
    )
