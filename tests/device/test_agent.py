import asyncio
import sys

from harness import scratch

from fakes.log import Lines
from firmware import files
from firmware.agent import Agent, ask_time, keep_last_good


async def ended(**jobs):
    lines = Lines()
    try:
        await Agent(list(jobs.items()), lines.log("agent"), lines.append).run()
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
    assert lines == ["0 E agent task_ended task=broken why=ValueError('worn out',)"]


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

    agent = Agent([("job", job, 1, 2), ("broken", broken)], lines.log("agent"), None)
    try:
        await agent.run()
    except ValueError:
        pass
    assert got == [(1, 2)]
    assert lines == ["0 E agent task_ended task=broken why=ValueError('worn out',)"]


async def test_the_config_is_kept_once_a_session_is_up():
    lines, up, root = Lines(), asyncio.Event(), scratch() + "/"
    files.replace(root + "config.json", b"{}")
    task = asyncio.create_task(keep_last_good(up, root, lines.log("agent")))
    await asyncio.sleep_ms(1)
    assert not task.done()
    up.set()
    assert await task is True and lines == []
    assert files._holds(root + "config.last", b"{}")
    assert await keep_last_good(up, root + "nowhere/", lines.log("agent"))
    assert lines == ["0 W agent config_not_kept why=[Errno 2] ENOENT"]


async def test_the_time_is_asked_for_by_what_is_in_memory_only_then():
    async def resolve(name):
        assert name == "time.example" and "firmware.sntp" in sys.modules
        raise OSError(110)

    try:
        await ask_time(["time.example"], resolve)
    except OSError as exc:
        assert exc.errno == 110
    assert not {"firmware.sntp", "firmware.dns"} & set(sys.modules)
