"""The calls about groups. No call tells a group's members: what was added is ours to remember."""

from collections.abc import Sequence
from typing import Any

from ways_device.api import pages
from ways_device.api.client import Client
from ways_device.errors import AmbiguousError, ConflictError, NotFoundError


class Groups:
    """The groups of one account."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def all(self) -> list[dict[str, Any]]:
        """Return every group: id, name, description, color."""
        return list(pages.every(self._client, "groups"))

    def named(self, name: str) -> str | None:
        """Return the id of the first group of this name, or None."""
        ids = [str(group.get("id") or "") for group in self.all() if group.get("name") == name]
        return ids[0] if ids else None

    def ensure(self, name: str) -> str:
        """Return the id of the group of this name, made if there is none."""
        known = self.named(name)
        if known:
            return known
        try:
            answer = self._client.call("POST", "groups", body={"name": name})
        except (AmbiguousError, ConflictError):
            known = self.named(name)
            if not known:
                raise
            return known
        return str(pages.inner(answer.json("POST /v1/iot/groups"), "group").get("id") or "")

    def add(self, group_id: str, device_ids: Sequence[str]) -> None:
        """Add devices; those in it already stay."""
        body = {"device_ids": list(device_ids)}
        # Adding twice is adding once.
        self._client.call("POST", "groups", group_id, "devices", body=body, repeat=True)

    def remove(self, group_id: str, device_id: str) -> None:
        try:
            self._client.call("DELETE", "groups", group_id, "devices", device_id)
        except NotFoundError:
            return

    def delete(self, group_id: str) -> None:
        try:
            self._client.call("DELETE", "groups", group_id)
        except NotFoundError:
            return
