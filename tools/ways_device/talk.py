"""What a command says while it works: one line per step, on stderr, never a secret."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ways_device.errors import ToolError
from ways_device.secrets import redact

if TYPE_CHECKING:
    from rich.console import Console


class Step:
    """One named step under way; say() tells how far it is, the last word is kept."""

    def __init__(self, title: str, show: Callable[[str], None]) -> None:
        """show is given what to show while the step is under way."""
        self.title = title
        self.detail = ""
        self._show = show

    def say(self, detail: str) -> None:
        """Show the step's state; it stays on its line when the step is done."""
        self.detail = redact(detail)
        self._show(f"{self.title}: {self.detail}")


class Talk:
    """Progress and notes for people. A terminal shows a spinner, a log one line a step."""

    def __init__(self, console: "Console | None" = None) -> None:
        if console is None:
            # Late: most commands import this module and only one of them runs.
            from rich.console import Console

            console = Console(stderr=True, highlight=False, markup=False)
        self._console = console

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Announce and time a step; a ToolError inside it learns the step's name."""
        started_s = time.monotonic()
        with self._under_way(title) as show:
            step = Step(title, show)
            try:
                yield step
            except ToolError as exc:
                exc.step = exc.step or title
                raise
        detail = f": {step.detail}" if step.detail else ""
        self._print(f"{title}{detail} ({time.monotonic() - started_s:.1f} s)")

    @contextmanager
    def _under_way(self, title: str) -> Iterator[Callable[[str], None]]:
        """Show a step until it ends; what shows it is given its words meanwhile."""
        if not self._console.is_terminal:
            # A log cannot take back a spinner: the thread that turns one would do so for nobody.
            yield lambda text: None
            return
        with self._console.status(_plain(title)) as status:
            yield lambda text: status.update(_plain(text))

    def note(self, text: str) -> None:
        """Say something that no step owns."""
        self._print(text)

    def _print(self, text: str) -> None:
        self._console.print(redact(text), markup=False, highlight=False, soft_wrap=True)


def _plain(text: str) -> str:
    # The spinner reads markup; what we show is data.
    return text.replace("[", "\\[")
