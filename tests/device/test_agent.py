import asyncio
import sys
import time

from fakes.log import Lines
from firmware.agent import Agent, ask_time


class Session:
    left = False

    async def disconnect(self):
        self.left = True


def agent_of(jobs, lines):
    agent = Agent(None, None, lines.log("agent"), None, Session(), None, None, None)
    agent.jobs = jobs
    return agent


async def ended(**jobs):
    lines = Lines()
    try:
        await agent_of(list(jobs.items()), lines).run()
    except Exception as exc:
        return exc, lines
    raise AssertionError("it went on")


async def test_when_one_task_fails_all_stop_and_its_error_is_told():
    stopped = []

    async def steady():
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(True)

    async def broken():
        await asyncio.sleep_ms(1)
        raise ValueError("worn out")

    exc, lines = await ended(steady=steady, broken=broken)
    assert isinstance(exc, ValueError) and stopped == [True]
    assert lines == ["0 E agent task_ended task=broken why=ValueError"]


async def test_a_task_that_returns_has_failed_too():
    async def short():
        pass

    exc, _ = await ended(short=short)
    assert str(exc) == "short returned"


async def test_a_task_that_says_that_it_is_done_ends_alone_and_gets_its_arguments():
    got, lines = [], Lines()

    async def job(first, second):
        got.append((first, second))
        return True

    async def broken():
        await asyncio.sleep_ms(5)
        raise ValueError("worn out")

    agent = agent_of([("job", job, 1, 2), ("broken", broken)], lines)
    try:
        await agent.run()
    except ValueError:
        pass
    assert got == [(1, 2)]
    assert lines == ["0 E agent task_ended task=broken why=ValueError"]


async def test_who_is_told_to_stop_takes_leave_and_tells_for_how_long_to_sleep():
    for sleep_ms in (0, 60_000):
        stopped = []

        async def steady(stopped=stopped):
            try:
                await asyncio.Event().wait()
            finally:
                stopped.append(True)

        agent = agent_of([("steady", steady)], Lines())

        async def stop(agent=agent, sleep_ms=sleep_ms):
            agent.stop(sleep_ms)
            return True

        agent.jobs += [("stop", stop)]
        assert await agent.run() == sleep_ms
        assert agent.session.left and stopped == [True]


async def test_the_time_is_asked_for_by_what_is_in_memory_only_then():
    async def resolve(name):
        assert name == "time.example" and "firmware.sntp" in sys.modules
        raise OSError(110)

    try:
        await ask_time(["time.example"], resolve)
    except OSError as exc:
        assert exc.errno == 110
    assert not {"firmware.sntp", "firmware.dns"} & set(sys.modules)


async def test_a_task_that_does_not_let_itself_be_cancelled_keeps_nobody_from_a_restart():
    waits = []

    async def stubborn():
        while len(waits) < 2000:
            try:
                await asyncio.sleep_ms(60_000)
            except asyncio.CancelledError:
                waits.append(None)

    async def broken():
        await asyncio.sleep_ms(1)
        raise ValueError("worn out")

    agent = agent_of([("stubborn", stubborn), ("broken", broken)], Lines())
    started = time.ticks_ms()
    try:
        await agent.run()
    except ValueError:
        pass
    else:
        raise AssertionError("it went on")
    assert waits and time.ticks_diff(time.ticks_ms(), started) < 30_000
