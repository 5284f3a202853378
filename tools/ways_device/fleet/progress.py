"""What a fleet says while it works: a line for each thing that is done, and on a terminal, below
them, how far everybody is.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

from ways_device.errors import ToolError
from ways_device.secrets import redact
from ways_device.talk import Step, Talk

# The steps whose end is worth a line of its own; the others are shown while they last.
_TOLD = frozenset({"copying to the board", "registering", "verifying what the board holds"})
_SEPARATOR = "  |  "


class Progress:
    """One console for all boards."""

    def __init__(self, console: Console | None, tally: Callable[[], object]) -> None:
        self._console = console or Console(stderr=True, highlight=False, markup=False)
        self._tally = tally
        self._lock = threading.Lock()
        self._doing: dict[str, str] = {}
        self._status = self._console.status("")

    def __enter__(self) -> "Progress":
        self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def say(self, text: str) -> None:
        """Say something for good."""
        with self._lock:
            self._console.print(redact(text), markup=False, highlight=False, soft_wrap=True)

    def show(self, port: str, text: str) -> None:
        """Show what a board is being done; "" when it is over. A log has no place for it."""
        if not self._console.is_terminal:
            return
        with self._lock:
            self._doing[port] = text
            if not text:
                del self._doing[port]
            doing = [f"{_short(name)} {what}" for name, what in self._doing.items() if what]
            line = redact(_SEPARATOR.join([str(self._tally()), *doing]))
            room = max(20, self._console.width - 4)
            line = line if len(line) <= room else line[: room - 3] + "..."
            # The status reads markup; what we show is data.
            self._status.update(line.replace("[", "\\["))


class BoardTalk(Talk):
    """What one board's steps say. Each of them first asks whether the run goes on."""

    def __init__(self, progress: Progress, port: str, check: Callable[[], None]) -> None:
        self._progress = progress
        self._port = port
        self._check = check
        self._since_s = time.monotonic()
        # The row's name, once it has one.
        self.name = ""

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        self._check()
        self._progress.show(self._port, title)

        def show(text: str) -> None:
            self._check()
            self._progress.show(self._port, text)

        step = Step(title, show)
        try:
            yield step
        except ToolError as exc:
            exc.step = exc.step or title
            raise
        if title in _TOLD:
            self.note(f"{title}: {step.detail}" if step.detail else title)

    def note(self, text: str) -> None:
        """Say a line about this board, with the time since the last."""
        now_s = time.monotonic()
        took_s, self._since_s = now_s - self._since_s, now_s
        who = f"{_short(self._port)} {self.name}".strip()
        self._progress.say(f"{who}: {text} ({took_s:.1f} s)")


def _short(port: str) -> str:
    return port.removeprefix("/dev/")
