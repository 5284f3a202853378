"""What can be planned for one direction of a connection through the fault proxy.

`direction` is "up" (from the client to the target) or "down"; `after` counts the bytes of that
direction since the connection began, and it is exact.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cut:
    """After exactly `after` bytes of a direction the connection ends, for both sides.

    how is "close" (FIN), "reset" (RST) or "silence" (nothing passes, and neither side is told).
    """

    direction: str
    after: int
    how: str


@dataclass(frozen=True)
class Mute:
    """After `after` bytes of a direction nothing of it gets through; the other one goes on."""

    direction: str
    after: int = 0


@dataclass(frozen=True)
class Dribble:
    """After `after` bytes of a direction one byte of it gets through every `every_s` seconds."""

    direction: str
    every_s: float
    after: int = 0


@dataclass(frozen=True)
class StopReading:
    """After `after` bytes of a direction no more are read: what its sender writes backs up."""

    direction: str
    after: int = 0
