"""Child processes that do not outlive the program that started them."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def tied_to(parent_pid: int) -> Callable[[], None]:
    """Return a preexec function: the child gets SIGTERM when its parent dies, however it dies.

    Linux only; elsewhere it does nothing.
    """
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    def tie() -> None:
        if prctl is None:
            return
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent_pid:
            os._exit(1)  # the parent died before the tie held

    return tie
