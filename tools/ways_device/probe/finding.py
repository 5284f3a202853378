"""What one question finds, and the time it may take."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_STEP_S = 0.2


class UnansweredError(Exception):
    """This account does not answer the question; str() says why."""


@dataclass(frozen=True)
class Told:
    """An answer: a sentence for people, the same in values for programs."""

    said: str
    answer: dict[str, Any]


@dataclass(frozen=True)
class Finding:
    """A question with its answer (None: unanswered, and why says the reason)."""

    key: str
    asks: str
    said: str
    answer: dict[str, Any] | None
    why: str = ""


@dataclass(frozen=True)
class Pace:
    """How long to wait for what may never come. The sandbox is on this machine and quick."""

    rows_s: float = 30
    settle_s: float = 5
    flip_s: float = 10
    keepalive_s: int = 10
    silence_s: float = 90
    retry_s: float = 1


QUICK = Pace(rows_s=10, settle_s=1, flip_s=2, keepalive_s=2, silence_s=20)


@dataclass
class Deadline:
    """The time of one question."""

    within_s: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    started_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.started_s = self.clock()

    @property
    def elapsed_s(self) -> float:
        return self.clock() - self.started_s

    def check(self) -> None:
        """Raises UnansweredError when the time is over."""
        if self.elapsed_s > self.within_s:
            raise UnansweredError(f"no answer within {self.within_s:.0f} s")

    def until(self, ask: Callable[[], bool], within_s: float) -> float | None:
        """Ask until it is so; return the seconds it took, None if it is not so within_s.

        Raises UnansweredError when the time of the whole question is over.
        """
        begun_s = self.clock()
        while not ask():
            self.check()
            if self.clock() - begun_s > within_s:
                return None
            self.sleep(_STEP_S)
        return self.clock() - begun_s
