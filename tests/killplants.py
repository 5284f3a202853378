"""Faults put into provisioning on purpose: kills that do not show them prove nothing."""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import killpoints

from ways_device import journal as journal_module
from ways_device import secrets
from ways_device.api.answers import Answer
from ways_device.api.platform import Platform
from ways_device.journal import Entry, Journal
from ways_device.provision.registration import Registration

_save = Journal.save


def _without_intent(self: Journal, entry: Entry) -> None:
    if entry.state != "intent":
        _save(self, entry)


def _in_place(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        secrets.os.fsync(file.fileno())
        file.write(data)
        file.flush()
        secrets.os.fsync(file.fileno())
    path.chmod(0o600)


def _registering_twice(
    self: Platform, device_id: str, name: str, metadata: dict[str, str]
) -> Answer:
    body = {"device_id": device_id, "name": name, "metadata": metadata}
    return self._client.call("POST", "devices", body=body, repeat=True)


@contextmanager
def _no_lock(self: Journal, origin: str, device_id: str) -> Iterator[None]:
    yield


PLANTS: dict[str, Callable[[], contextlib.AbstractContextManager]] = {
    "the journal is written after the registration": lambda: mock.patch.object(
        Journal, "save", _without_intent
    ),
    "an intent is not looked at": lambda: mock.patch.object(Registration, "_is_lost", False),
    "the journal is written in place": lambda: mock.patch.object(
        journal_module, "write_private", _in_place
    ),
    "a registration is sent twice": lambda: mock.patch.object(
        Platform, "register", _registering_twice
    ),
    "what a killed run left stays": lambda: mock.patch.object(Journal, "lock", _no_lock),
}
_STORIES = ("fresh", "answer lost")


def caught(folder: Path, name: str) -> bool:
    """Tell whether killing every so often shows the planted fault."""
    with PLANTS[name]():
        for workload in killpoints.WORKLOADS:
            if workload.name not in _STORIES:
                continue
            for at in range(1, 100):
                place = folder / f"{workload.name}-{at}"
                place.mkdir(parents=True)
                if killpoints.attempt(place, workload, (at,))[1]:
                    return True
    return False
