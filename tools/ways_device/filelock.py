"""One process at a time: a lock that the system takes back however its holder ends."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ways_device.errors import ToolError

_POLL_S = 0.1


@contextmanager
def exclusive(path: Path, timeout_s: float) -> Iterator[None]:
    """Hold the lock named by path (made if absent, never deleted) while the block runs.

    Raises ToolError if another process still holds it after timeout_s.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        _wait_for(handle, path, time.monotonic() + timeout_s)
        yield


def _wait_for(handle: IO[str], path: Path, deadline_s: float) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as exc:
            if time.monotonic() > deadline_s:
                raise ToolError(
                    f"another process is still at work in {path.parent}; "
                    "wait for it or end it, then run the same command again"
                ) from exc
        time.sleep(_POLL_S)
