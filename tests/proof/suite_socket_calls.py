"""Every call of a socket, of TLS, of the lookup and of the gate raises every exception there is.

The session goes on, closes the socket, comes back, and every reading arrives.
"""

from pathlib import Path

from driver import sweep

SECONDS = 160


def run(seed: int, scale: float, _scratch: Path) -> dict[str, object]:
    return sweep("socket_calls", seed, scale)
