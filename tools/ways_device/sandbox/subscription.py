"""The account's plan: how many devices it may have. Registered ones stay if it is lowered."""

from collections.abc import Iterator
from contextlib import contextmanager

from ways_device.sandbox.api_errors import FullError
from ways_device.sandbox.db import Db
from ways_device.sandbox.wire import Json, iso

DEVICES_DEFAULT = 1000


class Subscription:
    def __init__(self, db: Db, device_limit: int = DEVICES_DEFAULT) -> None:
        self._db = db
        self._device_limit = device_limit

    @contextmanager
    def room(self) -> Iterator[None]:
        """Undo what is done inside, and raise FullError, if the plan has no room for it."""
        with self._db.transaction():
            yield
            if self._device_count() > self._device_limit:
                raise FullError(
                    f"The plan's limit of {self._device_limit} devices is reached: delete one,"
                    " or start the sandbox with a higher --plan-devices"
                )

    def view(self) -> Json:
        return {
            "plan": f"iot-{self._device_limit}",
            "status": "active",
            "device_limit": self._device_limit,
            "device_count": self._device_count(),
            "created_at": iso(self._db.scalar("SELECT created_at FROM subscription")),
        }

    def _device_count(self) -> int:
        return int(self._db.scalar("SELECT count(*) FROM devices"))
