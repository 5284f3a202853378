"""A whole session cut after every byte, both directions, by close, by reset and by silence.

Login, subscription, 22 readings through a window, messages from the broker, a ping and leaving,
with a broker that keeps the session and with one that forgets it, with and without TLS's way of
taking bytes, through a socket that takes all and through one that takes a few at a time. Half of
the cuts are followed by another in the next link. Nothing is lost, acknowledged too early, doubled
beyond the window, left open or left hanging.
"""

from pathlib import Path

from driver import sweep

SECONDS = 120


def run(seed: int, scale: float, _scratch: Path) -> dict[str, object]:
    return sweep("session_cut", seed, scale)
