"""One thread that waits for files, deadlines and signals."""

import os
import selectors
import signal
import time
from collections.abc import Callable
from types import TracebackType

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Loop:
    """Use as a context manager: it takes SIGINT, SIGTERM and SIGHUP as the wish to stop."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        # When, and what: a handful of names.
        self._calls: dict[str, tuple[float, Callable[[], None]]] = {}
        self._stopping = False

    def __enter__(self) -> "Loop":
        self._woken, self._waker = os.pipe()
        os.set_blocking(self._waker, False)
        self._old_wakeup = signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        self._old_handlers = {n: signal.signal(n, lambda *_: None) for n in _STOP_SIGNALS}
        self.watch(self._woken, self._on_signal)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        signal.set_wakeup_fd(self._old_wakeup)
        for number, handler in self._old_handlers.items():
            signal.signal(number, handler)
        self._selector.close()
        os.close(self._woken)
        os.close(self._waker)

    def _on_signal(self) -> None:
        if any(number in _STOP_SIGNALS for number in os.read(self._woken, 64)):
            self.stop()

    def watch(self, fd: int, on_readable: Callable[[], None]) -> None:
        self._selector.register(fd, selectors.EVENT_READ, on_readable)

    def unwatch(self, fd: int) -> None:
        self._selector.unregister(fd)

    def call_later(self, name: str, delay_s: float, call: Callable[[], None]) -> None:
        """Call once after delay_s. Takes the place of what was to come under the same name."""
        self._calls[name] = (time.monotonic() + delay_s, call)

    def cancel(self, name: str) -> None:
        self._calls.pop(name, None)

    def is_set(self, name: str) -> bool:
        """Tell whether a call is to come under that name."""
        return name in self._calls

    def stop(self) -> None:
        self._stopping = True

    def run(self) -> None:
        """Serve files and deadlines until stop()."""
        while not self._stopping:
            for key, _ in self._selector.select(self._wait_s()):
                # An earlier call may have closed this one's file.
                if key.fd in self._selector.get_map():
                    key.data()
            self._run_due()

    def _wait_s(self) -> float | None:
        if not self._calls:
            return None
        return max(0.0, min(at_s for at_s, _ in self._calls.values()) - time.monotonic())

    def _run_due(self) -> None:
        now_s = time.monotonic()
        due = sorted((at_s, name) for name, (at_s, _) in self._calls.items() if at_s <= now_s)
        for at_s, name in due:
            # An earlier one may have cancelled it, or put it off.
            if self._calls.get(name, (None,))[0] == at_s:
                self._calls.pop(name)[1]()
