"""Private folders for secrets on their way to a board, removed even after a kill."""

import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ways_device.errors import ToolError

_TURN_S = 10.0
_POLL_S = 0.02


@contextmanager
def folder(parent: Path | None) -> Iterator[Path]:
    """Yield a new folder below parent, mode 0700, that is gone when the block ends.

    Those of runs that were killed are removed first. parent None is the system's folder for
    temporary files, where nothing is looked for.
    """
    with contextlib.ExitStack() as stack:
        with _turn(parent):
            if parent is not None:
                _sweep(parent)
            made = stack.enter_context(tempfile.TemporaryDirectory(prefix="ways-", dir=parent))
            # The system gives the lock back however we end: that is how others know.
            stack.enter_context(_locked(Path(made)))
        yield Path(made)


@contextmanager
def _turn(parent: Path | None) -> Iterator[None]:
    """Make and sweep one at a time: what is made and not locked yet is nobody's leftover."""
    if parent is None or sys.platform == "win32":
        yield
        return
    end_s = time.monotonic() + _TURN_S
    while True:
        with _locked(parent) as is_ours:
            if is_ours:
                yield
                return
        if time.monotonic() > end_s:
            raise ToolError(f"another process keeps {parent} to itself; end it and try again")
        time.sleep(_POLL_S)


def _sweep(parent: Path) -> None:
    for path in parent.iterdir():
        with _locked(path) as is_ours:
            if is_ours and path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif is_ours:
                path.unlink(missing_ok=True)


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Tell whether nobody else holds the folder, and hold it then for the block."""
    if sys.platform == "win32":
        yield False
        return
    import fcntl

    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
