"""Ends a process that says nothing for too long."""

import subprocess
import threading
import time


class Patience:
    """Kills a process that says nothing for so long."""

    def __init__(self, child: "subprocess.Popen[str]", silent_s: float) -> None:
        self._child = child
        self._silent_s = silent_s
        self._heard_s = time.monotonic()
        self._ended = threading.Event()
        self.is_over = False
        threading.Thread(target=self._run, daemon=True).start()

    def renew(self) -> None:
        self._heard_s = time.monotonic()

    def end(self) -> None:
        self._ended.set()

    def _run(self) -> None:
        while True:
            left_s = self._heard_s + self._silent_s - time.monotonic()
            if self._ended.wait(max(0.0, left_s)):
                return
            if self._heard_s + self._silent_s <= time.monotonic():
                self.is_over = True
                self._child.kill()
                return
