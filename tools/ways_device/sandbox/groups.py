"""Groups of devices."""

import time
from collections.abc import Callable

from ways_device.sandbox.db import Db


class Groups:
    def __init__(self, db: Db, clock: Callable[[], float] = time.time) -> None:
        self._db = db
        self._clock = clock
