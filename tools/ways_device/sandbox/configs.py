"""The settings that devices are told: their profile's, and the developer's own over them.

Published as {"rev", key: value, ...}, retained; rev rises with each change of a device's settings
and never otherwise. The device answers with an event `config_result` of {"rev", "keys": {key:
"ok" or why not}}. Topic and shape are assumed. See downlink.py for when it is published.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Iterable

from ways_device.provision.settings import topics_of
from ways_device.sandbox.api_errors import RefusedError
from ways_device.sandbox.db import Db
from ways_device.sandbox.devices import Devices
from ways_device.sandbox.wire import Json, dump, iso

RESULT = "config_result"
_DOCUMENT_MAX_BYTES = 8192

_OF_PROFILE = """
SELECT p.reporting_interval_seconds, p.expected_topics FROM devices d
JOIN profiles p ON p.id = d.profile_id WHERE d.device_id = ?
"""
_UNTOLD: Json = {
    "rev": 0,
    "own": "{}",
    "content": None,
    "changed_at": None,
    "answer_rev": None,
    "answered_at": None,
}


class LargeError(RefusedError):
    status = 422


class Configs:
    def __init__(self, db: Db, devices: Devices, clock: Callable[[], float] = time.time) -> None:
        self._db = db
        self._devices = devices
        self._clock = clock
        # Told of each device whose settings changed.
        self.on_change: Callable[[str], None] = lambda _device_id: None

    def set_own(self, device_id: str, fields: Json) -> Json:
        """Put fields over the developer's own settings; null drops one. Returns view().

        Raises AbsentError, and LargeError if that would be too much.
        """
        self._devices.row(device_id)
        own = {**json.loads(self._row(device_id)["own"]), **fields}
        text = dump({key: value for key, value in own.items() if value is not None})
        if len(text.encode()) > _DOCUMENT_MAX_BYTES:
            raise LargeError(f"Settings larger than {_DOCUMENT_MAX_BYTES} bytes")
        self._db.run(
            "INSERT INTO configs (device_id, own) VALUES (?, ?)"
            " ON CONFLICT (device_id) DO UPDATE SET own = excluded.own",
            device_id,
            text,
        )
        self.refresh([device_id])
        return self.view(device_id)

    def refresh(self, device_ids: Iterable[str]) -> None:
        """See what the settings of these devices are now; where they changed, rev rises."""
        for device_id in device_ids:
            old = self._row(device_id)["content"]
            new = dump(self._content(device_id))
            # To a device that never had a profile there is nothing to say.
            if new != (old or "{}"):
                self._change(device_id, new)

    def refresh_all(self) -> None:
        self.refresh(row[0] for row in self._db.all("SELECT device_id FROM devices"))

    def payload(self, device_id: str) -> bytes:
        """Return what the device's topic has to hold, empty if nothing."""
        document = _document(self._row(device_id))
        return b"" if document is None else dump(document).encode()

    def told(self) -> list[str]:
        """Return the devices whose topic has to hold something."""
        rows = self._db.all("SELECT device_id FROM configs WHERE content IS NOT NULL")
        return [row["device_id"] for row in rows]

    def answer(self, device_id: str, said: Json, received_at: float) -> None:
        """Take in a device's answer; one to a revision that never was says nothing."""
        rev, keys, row = said.get("rev"), said.get("keys"), self._row(device_id)
        if type(rev) is not int or not isinstance(keys, dict) or row["content"] is None:
            return
        if max(1, row["answer_rev"] or 0) <= rev <= row["rev"]:
            # A setting that is taken back afterwards is told alone, with the same rev.
            before = json.loads(row["answer_keys"]) if row["answer_rev"] == rev else {}
            self._db.run(
                "UPDATE configs SET answer_rev = ?, answer_keys = ?, answered_at = ?"
                " WHERE device_id = ?",
                rev,
                dump({**before, **{key: str(result) for key, result in keys.items()}}),
                received_at,
                device_id,
            )

    def view(self, device_id: str) -> Json:
        """Raises AbsentError."""
        self._devices.row(device_id)
        row = self._row(device_id)
        answer = None
        if row["answered_at"] is not None:
            keys = json.loads(row["answer_keys"])
            at = iso(row["answered_at"])
            answer = {"rev": row["answer_rev"], "keys": keys, "received_at": at}
        return {
            "device_id": device_id,
            "rev": row["rev"],
            "document": _document(row),
            "own": json.loads(row["own"]),
            "changed_at": iso(row["changed_at"]),
            "answer": answer,
        }

    def _change(self, device_id: str, content: str) -> None:
        self._db.run(
            "INSERT INTO configs (device_id, rev, content, changed_at) VALUES (?, 1, ?, ?)"
            " ON CONFLICT (device_id) DO UPDATE SET rev = rev + 1, content = excluded.content,"
            " changed_at = excluded.changed_at",
            device_id,
            content,
            self._clock(),
        )
        self.on_change(device_id)

    def _content(self, device_id: str) -> Json:
        content: Json = {}
        profile = self._db.one(_OF_PROFILE, device_id)
        if profile is not None:
            if profile["reporting_interval_seconds"] is not None:
                content["interval_s"] = profile["reporting_interval_seconds"]
            expected = json.loads(profile["expected_topics"])
            if expected:
                # As provisioning gives them to a board.
                content["topics"] = topics_of(expected)
        return {**content, **json.loads(self._row(device_id)["own"])}

    def _row(self, device_id: str) -> "sqlite3.Row | Json":
        sql = "SELECT * FROM configs WHERE device_id = ?"
        return self._db.one(sql, device_id) or _UNTOLD


def _document(row: "sqlite3.Row | Json") -> Json | None:
    if row["content"] is None:
        return None
    return {"rev": row["rev"], **json.loads(row["content"])}
