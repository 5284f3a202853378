"""Telling what goes on, and waiting for it, with an end."""

import sys
import time

_STEP_S = 0.01


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def until(ask, within_s, what):
    """Wait until ask() is true; return what it said. Raises AssertionError if it stays false."""
    end_s = time.monotonic() + within_s
    while not (answer := ask()):
        assert time.monotonic() < end_s, f"{what}: not within {within_s} s"
        time.sleep(_STEP_S)
    return answer
