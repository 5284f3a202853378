"""What is done when the agent has ended, however it did. In memory only then."""

import gc

from firmware import lastrun, retained

# What the watchdog allows while somebody has the REPL.
_REPL_MS = 600_000


def end(agent, sleep_ms, exc):
    """Keep the readings, note how this run ends, then restart or sleep.

    agent is None if there was none yet; exc is what has ended it, None if that was in order.
    Returns only to leave the board to somebody at its REPL.
    """
    gc.collect()
    board = agent.board if agent else lastrun.board_of_this()
    is_asked = isinstance(exc, KeyboardInterrupt)
    how = retained.CRASHED
    if is_asked:
        board.watchdog(_REPL_MS)
        how, exc = retained.PLANNED, None
    elif not exc:
        how = retained.SLEEPING if sleep_ms else retained.PLANNED
    try:
        lastrun.note(board, agent, how, exc)
    finally:  # a sleeper has seen to its readings itself
        if agent and not sleep_ms:
            agent.store.flush("reset")
    if sleep_ms:
        board.deepsleep(sleep_ms)
    if is_asked:
        print("agent stopped")
        return
    board.reset()
