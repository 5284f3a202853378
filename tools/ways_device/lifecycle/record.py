"""What was begun with a device and must be finished: a private file each, until it is done.

kind            state       meaning
replace         begun       the new id is chosen, what is to move is noted here
                rotating    (same id) the journal has the intent: the old login may be gone
                reporting   the platform showed a reading under the new login
                moved       tags, groups, profile, metadata are the new device's
                done        the old device is deleted; kept, so that the same command says so
decommission    begun       it is being deleted
"""

import contextlib
import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ways_device.errors import ToolError
from ways_device.secrets import private_folder, sync_folder, write_private

REPLACE = "replace"
DECOMMISSION = "decommission"
_VERSION = 1


@dataclass
class Record:
    """One undertaking with one device. belongings are those of belongings.py, as a dict."""

    kind: str
    origin: str
    device_id: str
    state: str = "begun"
    new_id: str = ""
    board_id: str = ""
    belongings: dict[str, Any] = field(default_factory=dict)
    version: int = _VERSION


class Records:
    """The files below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = private_folder(folder)

    def load(self, kind: str, origin: str, device_id: str) -> Record | None:
        """Return what was begun, None if nothing was. Raises ToolError if it is unreadable."""
        path = self._path(kind, origin, device_id)
        return self._read(path) if path.exists() else None

    def all(self, origin: str) -> list[Record]:
        found = [self._read(path) for path in sorted(self._folder.glob("*.json"))]
        return [record for record in found if record.origin == origin]

    def save(self, record: Record, state: str = "") -> None:
        """Put it on the disk, in this state if one is given; it is there when this returns."""
        record.state = state or record.state
        path = self._path(record.kind, record.origin, record.device_id)
        write_private(path, json.dumps(asdict(record), indent=1).encode())

    def discard(self, record: Record) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._path(record.kind, record.origin, record.device_id).unlink()
        sync_folder(self._folder)

    def _read(self, path: Path) -> Record:
        try:
            record = Record(**json.loads(path.read_text("utf-8")))
        except (OSError, ValueError, TypeError) as exc:
            raise ToolError(
                f"{path}: unreadable; it tells what was begun with a device: look at the device "
                "on the platform, then move this file away"
            ) from exc
        if record.version != _VERSION:
            raise ToolError(f"{path}: written by another version of ways-device; update it")
        return record

    def _path(self, kind: str, origin: str, device_id: str) -> Path:
        digest = hashlib.sha256(f"{kind}\n{origin}\n{device_id}".encode()).hexdigest()[:16]
        return self._folder / f"{kind}.{digest}.json"
