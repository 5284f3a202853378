"""What a probe makes on an account: on disk before it is made, struck out when it is gone.

Names carry a random part, so what is found under them is ours. A run that was killed leaves its
entries here, and the next one deletes those things before it makes others.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ways_device.api import pages
from ways_device.api.client import Client
from ways_device.errors import ApiError, NotFoundError, ToolError
from ways_device.secrets import one_line, private_folder, write_private

_VERSION = 1
_LISTS = {"device": "devices", "datapoint": "datapoints", "rule": "rules"}


@dataclass
class Thing:
    """id is the platform's; empty while its answer is not known to us."""

    kind: str
    name: str
    id: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Made:
    """The things of one account that this tool has yet to delete."""

    def __init__(self, folder: Path, origin: str) -> None:
        """Raises ToolError if what is on disk cannot be read."""
        digest = hashlib.sha256(origin.encode()).hexdigest()[:12]
        self.path = private_folder(folder) / f"{digest}.json"
        self._origin = origin
        self.things = self._load()

    def intend(self, kind: str, name: str) -> Thing:
        """Put on disk that a thing of this name is about to be made."""
        thing = Thing(kind, name)
        self.things.append(thing)
        self._save()
        return thing

    def note(self, thing: Thing, found_id: str) -> None:
        """Put the platform's id of a thing on disk."""
        thing.id = found_id
        self._save()

    def strike(self, thing: Thing) -> None:
        """The thing is gone."""
        self.things.remove(thing)
        self._save()

    def clear(self, client: Client) -> list[str]:
        """Delete everything, the newest first. Returns what could not be, with the reason."""
        left = []
        listed: dict[str, list[Thing]] = {}
        for thing in reversed(list(self.things)):
            try:
                for found_id in _ids(client, thing, listed):
                    delete(client, thing.kind, found_id)
            except ApiError as exc:
                left.append(f"{thing} ({one_line(str(exc))})")
            else:
                self.strike(thing)
        return left

    def _load(self) -> list[Thing]:
        try:
            found = json.loads(self.path.read_text("utf-8"))
            return [Thing(**item) for item in found["made"]]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError, KeyError) as exc:
            raise ToolError(
                f"{self.path}: unreadable; it names what an earlier probe made: delete by hand "
                "what begins with ways-probe or ways_probe, then this file"
            ) from exc

    def _save(self) -> None:
        made = [asdict(thing) for thing in self.things]
        if made:
            document = {"version": _VERSION, "origin": self._origin, "made": made}
            write_private(self.path, json.dumps(document, indent=1).encode())
        else:
            self.path.unlink(missing_ok=True)


def delete(client: Client, kind: str, found_id: str) -> None:
    """Delete a thing; one that is gone already is fine."""
    try:
        client.call("DELETE", _LISTS[kind], found_id)
    except NotFoundError:
        return


def _ids(client: Client, thing: Thing, listed: dict[str, list[Thing]]) -> list[str]:
    """Return the ids under which the thing may be on the platform."""
    if thing.id:
        return [thing.id]
    if thing.kind not in listed:
        listed[thing.kind] = list(_all(client, thing.kind))
    found = [one.id for one in listed[thing.kind] if one.name == thing.name]
    # A device's id is of our choosing, though a platform may give another.
    return [*found, thing.name] if thing.kind == "device" else found


def _all(client: Client, kind: str) -> list[Thing]:
    identity = "device_id" if kind == "device" else "id"
    items = pages.every(client, _LISTS[kind], identity=identity)
    return [
        Thing(kind, str(item.get("name") or item.get("key")), str(item[identity]))
        for item in items
        if item.get(identity)
    ]
