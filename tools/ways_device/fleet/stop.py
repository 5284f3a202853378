"""The end of a run before its end: nothing new is begun, what is begun is let go in good order."""

import threading

from ways_device.errors import ToolError

REQUESTS_AT_ONCE = 4


class StoppedError(ToolError):
    """This run is over; the board is let go, the journal knows how far it came."""


class Stop:
    """Set once, with the reason; everybody who waits or begins something looks here."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self.reason: ToolError | None = None

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    def set(self, reason: ToolError) -> None:
        """End the run; the first reason counts."""
        with self._lock:
            self.reason = self.reason or reason
        self._event.set()

    def check(self) -> None:
        """Raise StoppedError if the run is over."""
        if self._event.is_set():
            raise StoppedError("stopped")

    def sleep(self, seconds: float) -> None:
        """Wait for so long. Raises StoppedError as soon as the run is over."""
        self._event.wait(seconds)
        self.check()


class Gate:
    """Lets so many requests through at a time, none once the run is over."""

    def __init__(self, stop: Stop, at_once: int = REQUESTS_AT_ONCE) -> None:
        self._stop = stop
        self._places = threading.BoundedSemaphore(at_once)

    def __enter__(self) -> None:
        self._places.acquire()
        try:
            self._stop.check()
        except StoppedError:
            self._places.release()
            raise

    def __exit__(self, *_: object) -> None:
        self._places.release()
