"""What was begun for a device, on disk before it is done: one private file per device.

state       meaning
intent      we are about to register this id; it did not exist before
registered  the platform made it; the credentials are here and nowhere else
written     the board holds code, config and identity
verified    every hash read back from the board agreed
seen        the platform showed the device online with a reading
done        finished; the credentials are gone from this computer
"""

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import quote

from ways_device.errors import ToolError
from ways_device.secrets import private_folder, sync_folder, write_private

VERSION = 1
# File systems end at 255, and temporary files have a longer name.
_NAME_MAX = 128
STATES = ("intent", "registered", "written", "verified", "seen", "done")


@dataclass
class Entry:
    """The journal of one device. registered_id is the platform's own spelling of its id."""

    origin: str
    device_id: str
    state: str = "intent"
    board_id: str = ""
    registered_id: str = ""
    credentials: dict[str, str] | None = field(default=None, repr=False)
    version: int = VERSION

    @property
    def platform_id(self) -> str:
        return self.registered_id or self.device_id


class Journal:
    """The entries below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = private_folder(folder)

    def load(self, origin: str, device_id: str) -> Entry | None:
        """Return the device's entry, or None if nothing was ever begun for it here."""
        path = self._path(origin, device_id)
        return self._read(path) if path.exists() else None

    def _read(self, path: Path) -> Entry:
        try:
            entry = Entry(**json.loads(path.read_text("utf-8")))
        except (OSError, ValueError, TypeError) as exc:
            raise ToolError(
                f"{path}: unreadable; it may hold the only copy of a device's password: "
                "put it right, or move it away to start that device anew"
            ) from exc
        if entry.version != VERSION or entry.state not in STATES:
            raise ToolError(f"{path}: written by another version of ways-device; update it")
        return entry

    def save(self, entry: Entry) -> None:
        """Put the entry on the disk; it is there when this returns."""
        text = json.dumps(asdict(entry), indent=1)
        write_private(self._path(entry.origin, entry.device_id), text.encode())

    def advance(self, entry: Entry, state: str) -> None:
        """Record that a state is reached; at `done` all that holds a login is dropped."""
        entry.state = state
        if state == "done":
            entry.credentials = None
            self._answer_path(entry).unlink(missing_ok=True)
        self.save(entry)

    def entries(self, origin: str) -> list[Entry]:
        """Return all that was ever begun on this platform, by id. Raises ToolError as load()."""
        found = [self._read(path) for path in sorted(self._folder.glob("*.json"))]
        return [entry for entry in found if entry.origin == origin]

    def discard(self, entry: Entry) -> None:
        """Forget an entry whose device was certainly never made, or is gone."""
        for path in (self._path(entry.origin, entry.device_id), self._answer_path(entry)):
            path.unlink(missing_ok=True)
        sync_folder(self._folder)

    def keep_answer(self, entry: Entry, text: str) -> Path:
        """Keep an answer we could not use beside the entry, 0600, and return its path."""
        path = self._answer_path(entry)
        write_private(path, text.encode())
        return path

    def _answer_path(self, entry: Entry) -> Path:
        return self._path(entry.origin, entry.device_id).with_suffix(".answer")

    @contextmanager
    def lock(self, origin: str, device_id: str) -> Iterator[None]:
        """Keep other runs off this device. Raises ToolError if one is at work.

        What a killed run left half-written is removed: it may hold a password.
        """
        path = self._path(origin, device_id).with_suffix(".lock")
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            try:
                _lock_or_fail(file)
            except OSError as exc:
                raise ToolError(
                    f"another ways-device is at work on {device_id}; wait until it ends"
                ) from exc
            for leftover in self._folder.glob(f".{path.stem}.*"):
                leftover.unlink()
            yield

    def _path(self, origin: str, device_id: str) -> Path:
        # The digest keeps origins apart, and ids that differ in case on a disk that folds it.
        digest = hashlib.sha256(f"{origin}\n{device_id}".encode()).hexdigest()[:12]
        return self._folder / f"{quote(device_id, safe='')[:_NAME_MAX]}.{digest}.json"


def _lock_or_fail(file: IO[bytes]) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
