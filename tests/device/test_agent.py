import asyncio

from fakes.log import Lines
from firmware.agent import Agent


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
