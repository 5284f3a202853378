"""A board that is looked at or changed for a moment, and runs again afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager

from ways_device.board import CONFIG_PATH, Board, Facts
from ways_device.deploy import Visit, look, refuse_unfit
from ways_device.errors import BoardError
from ways_device.talk import Talk


@contextmanager
def visiting(board: Board, talk: Talk, device_id: str | None = None) -> Iterator[Visit]:
    """Look at the board; what is done inside may hold it. Whatever happens, its agent runs again.

    device_id, where given, is whose board it must be. Raises BoardError before any change.
    """
    with talk.step("looking at the board") as step:
        facts = look(board, [], [CONFIG_PATH])
        step.say(facts.identity or "no device yet")
    visited = Visit(board, facts)
    try:
        refuse_unfit(facts, board.port)
        _refuse_other(facts, device_id, board.port)
        yield visited
        if facts.starts_agent:
            with talk.step("restarting the board"):
                visited.release()
    except BaseException:
        visited.abandon()
        raise


def _refuse_other(facts: Facts, device_id: str | None, port: str) -> None:
    if device_id is not None and facts.identity != device_id:
        there = facts.identity or "no device yet"
        raise BoardError(f"the board at {port} is {there}, not {device_id}; plug that one in")


def hold(visited: Visit, talk: Talk) -> None:
    """Stop the agent until the visit ends."""
    with talk.step("stopping the agent"):
        visited.hold()
