"""The calls about devices that exist: list, change, tags, health."""

from collections.abc import Sequence
from typing import Any

from ways_device.api import pages
from ways_device.api.client import Client
from ways_device.errors import ApiError, NotFoundError

_UNPROCESSABLE = (400, 422)


class Devices:
    """The devices of one account."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def all(self, **filters: str) -> list[dict[str, Any]]:
        """Return every device as lists show it: id, name, is_active, is_online, last_seen.

        filters go into the query. The reference names none: a platform may ignore them.
        """
        return list(pages.every(self._client, "devices", identity="device_id", **filters))

    def get(self, device_id: str) -> dict[str, Any] | None:
        """Return the device as the platform shows it, or None if it has none of this id."""
        try:
            answer = self._client.get("devices", device_id)
        except NotFoundError:
            return None
        return pages.inner(answer.json("GET /v1/iot/devices"), "device")

    def change(self, device_id: str, **fields: Any) -> None:
        """Set name, description, device_type, is_active or metadata (which replace the old)."""
        self._client.call("PATCH", "devices", device_id, body=fields)

    def delete(self, device_id: str) -> None:
        """Delete it; one that is not there is as good as deleted."""
        try:
            self._client.call("DELETE", "devices", device_id)
        except NotFoundError:
            return

    def health(self, device_id: str) -> dict[str, Any]:
        """Return health_score, health_status, components and checked_at."""
        answer = self._client.get("devices", device_id, "health")
        return pages.inner(answer.json("GET /v1/iot/devices/health"), "health")

    def tags(self, device_id: str) -> list[str]:
        found = self._client.get("devices", device_id, "tags").json("GET /v1/iot/devices/tags")
        tags = found.get("tags") if isinstance(found, dict) else found
        return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []

    def add_tags(self, device_id: str, tags: Sequence[str]) -> None:
        """Add tags; those it has already it keeps. The documents show two forms of the body."""
        if not tags:
            return
        # Adding twice is adding once.
        path = ("devices", device_id, "tags")
        try:
            self._client.call("POST", *path, body=list(tags), repeat=True)
        except ApiError as exc:
            if exc.status not in _UNPROCESSABLE:
                raise
            self._client.call("POST", *path, body={"tags": list(tags)}, repeat=True)

    def remove_tag(self, device_id: str, tag: str) -> None:
        try:
            self._client.call("DELETE", "devices", device_id, "tags", tag)
        except NotFoundError:
            return
