"""Runs the tasks of the agent together: all of them, or none."""

import asyncio
import sys

from micropython import const

from firmware import unload

# How long a good-bye to the broker may take, and the end of the tasks.
_LEAVE_MS = const(5_000)
_LOOK_MS = const(10)


async def ask_time(hosts, resolve):
    """Return the Unix time that one of the hosts tells, as sntp.exchange(), which is not kept."""
    is_kept = "firmware.dns" in sys.modules
    from firmware import sntp

    try:
        return await sntp.exchange(hosts, resolve)
    finally:
        unload("sntp")
        if not is_kept:
            unload("dns")


class Agent:
    """The parts that others may work on, and the tasks."""

    _reason = None
    _sleep_ms = 0
    failed = None  # the task that ended the agent, by its name

    def __init__(self, board, clock, log, wifi, session, sampler, store, publisher):
        self.board = board
        self.clock = clock
        self.log = log
        self.wifi = wifi
        self.session = session
        self.sampler = sampler
        self.store = store
        self.publisher = publisher
        # [(name, coroutine function, its arguments ...)]. One that has done all it was there for
        # returns True; no other is meant to return.
        self.jobs = []
        self._ended = asyncio.Event()

    def stop(self, sleep_ms=0):
        """Have run() return, in good order: restart, or sleep for this long."""
        self._sleep_ms = sleep_ms
        self._ended.set()

    async def run(self):
        """Run all tasks until stop(); return for how long to sleep, 0 = restart.

        When a task ends by itself the others are stopped, and what ended it is raised.
        """
        tasks = []
        for job in self.jobs:
            tasks.append(asyncio.create_task(self._watch(*job)))
        try:
            await self._ended.wait()
            if self._reason is None:
                await asyncio.wait_for_ms(self.session.disconnect(), _LEAVE_MS)
        except asyncio.TimeoutError:
            pass
        finally:
            for task in tasks:
                task.cancel()
            # One that does not let itself be cancelled must not keep us from a restart: who waits
            # for it by wait_for_ms() or gather() waits for ever.
            for _ in range(_LEAVE_MS // _LOOK_MS):
                if all(task.done() for task in tasks):
                    break
                await asyncio.sleep_ms(_LOOK_MS)
        if self._reason:
            raise self._reason
        return self._sleep_ms

    async def _watch(self, name, job, *arguments):
        try:
            if await job(*arguments):
                return
            reason = RuntimeError(name + " returned")
        except Exception as exc:  # not CancelledError: that is a BaseException
            reason = exc
        self._reason = self._reason or reason
        self.failed = self.failed or name
        self._ended.set()
        # Its text may hold anything: it is told without what is secret, see lastrun.py.
        self.log.error("task_ended", task=name, why=type(reason).__name__)
