import asyncio
import sys

from harness import scratch

from fakes.board import FakeBoard
from fakes.log import Lines
from firmware import files, lastgood, supervisor
from firmware.agent import Agent
from firmware.clock import Clock
from firmware.retained import RUNNING, STEADY, Retained


class Session:
    server, port = "broker.example", 8883
    logins = 0

    async def disconnect(self):
        pass


class Store:
    def __init__(self, retained):
        self.retained = retained


class Hasty(Clock):
    """A minute is over in a moment: uptime runs a thousand times as fast."""

    def uptime_ms(self):
        return 1000 * super().uptime_ms()


def agent_of(kind=Clock, lines=None):
    board = FakeBoard(scratch() + "/")
    retained = Retained(board)
    clock = kind(board, retained)
    log = (Lines() if lines is None else lines).log("agent")
    return Agent(board, clock, log, None, Session(), None, Store(retained), None)


async def run(agent, **tasks):
    """Return (what ended the agent, how often the watchdog was fed)."""
    fed = []
    agent.jobs = tuple(tasks.items()) + (
        ("supervisor", supervisor.watch, agent, lambda: fed.append(1), 10),
    )
    try:
        await asyncio.wait_for_ms(agent.run(), 8_000)
    except asyncio.TimeoutError:
        return None, len(fed)
    except RuntimeError as exc:
        return exc, len(fed)
    raise AssertionError("it ended without a reason")


async def test_each_task_that_does_not_keep_its_word_is_named_and_ends_the_agent():
    for late in ("wifi", "mqtt", "store"):
        lines = Lines()
        agent = agent_of(lines=lines)

        async def task(name, agent=agent, late=late):
            while True:
                agent.clock.alive(name, 60)
                await asyncio.sleep_ms(30 if name != late else 60_000)

        tasks = {name: lambda name=name: task(name) for name in ("wifi", "mqtt", "store")}
        exc, fed = await run(agent, **tasks)
        assert str(exc) == late + " is stuck" and agent.failed == late
        assert lines[0] == "0 E agent task_stuck task=" + late
        # The record is there before the tasks are asked to end: that may hang.
        assert b'"task": "%s"' % late.encode() in agent.board.nvs.values["crash"]
        assert 1 <= fed <= 20


async def test_a_task_that_cannot_be_stopped_does_not_keep_the_agent_from_its_end():
    agent = agent_of()

    async def stubborn():
        agent.clock.alive("mqtt", 20)
        while True:
            try:
                await asyncio.sleep_ms(60_000)
            except asyncio.CancelledError:
                pass

    exc, fed = await run(agent, mqtt=stubborn)
    assert str(exc) == "mqtt is stuck"
    # Nobody has fed the watchdog since: had it hung, that would have ended it.
    assert fed <= 5


async def test_who_waits_for_another_task_and_who_says_nothing_are_not_late():
    agent = agent_of()

    async def waiting():
        agent.clock.alive("clock", None)
        await asyncio.Event().wait()

    agent.jobs = ()
    task = asyncio.create_task(run(agent, clock=waiting))
    await asyncio.sleep_ms(150)
    agent.stop()
    try:
        await task
    except AssertionError:
        pass
    assert agent.failed is None


async def test_a_start_is_good_once_the_run_has_lasted_and_only_that_writes_to_flash():
    agent = agent_of(Hasty)
    values = agent.board.nvs.values
    values["starts"] = 4
    written = []
    agent.board.nvs.set_i32 = lambda key, value: (written.append(key), values.update({key: value}))
    agent.store.retained.ending = RUNNING
    task = asyncio.create_task(run(agent, mqtt=asyncio.Event().wait))
    await asyncio.sleep_ms(30)
    assert values["starts"] == 4
    await asyncio.sleep_ms(200)
    assert values["starts"] == 0 and written == ["starts"]
    assert Retained(agent.board).ending == STEADY
    task.cancel()


async def test_what_brought_a_session_is_kept_once_the_run_has_lasted():
    lines = Lines()
    agent = agent_of(Hasty, lines)
    board = agent.board
    files.replace(board.root + "config.json", b"{}")
    task = asyncio.create_task(run(agent, mqtt=asyncio.Event().wait))
    await asyncio.sleep_ms(60)
    assert "broker" not in board.nvs.values
    agent.session.logins = 1
    await asyncio.sleep_ms(60)
    assert files._holds(board.root + "config.last", b"{}")
    assert board.nvs.values["broker"] == b"broker.example:8883"
    assert "firmware.lastgood" not in sys.modules and lines == []
    # That was all: not at every look.
    del board.nvs.values["broker"]
    await asyncio.sleep_ms(60)
    assert "broker" not in board.nvs.values
    task.cancel()


async def test_flash_is_left_alone_in_the_first_moments():
    agent = agent_of()
    files.replace(agent.board.root + "config.json", b"{}")
    agent.session.logins = 1
    task = asyncio.create_task(run(agent, mqtt=asyncio.Event().wait))
    await asyncio.sleep_ms(100)
    assert "broker" not in agent.board.nvs.values
    task.cancel()


async def test_a_config_is_not_written_twice_and_one_that_cannot_be_kept_is_told():
    lines, session, board = Lines(), Session(), FakeBoard(scratch() + "/")
    files.replace(board.root + "config.json", b"{}")
    lastgood.keep(session, board, lines.log("agent"))
    board.nvs.set_blob = None
    lastgood.keep(session, board, lines.log("agent"))
    assert lines == []
    board.root = board.root + "nowhere/"
    lastgood.keep(session, board, lines.log("agent"))
    assert lines == ["0 W agent config_not_kept why=[Errno 2] ENOENT"]
