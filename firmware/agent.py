"""Runs the tasks of the agent together: all of them, or none."""

import asyncio
import sys

from firmware import files, unload


async def keep_last_good(up, root, log):
    """A config that has brought a session is one to come back to."""
    await up.wait()
    try:
        files.copy(root + "config.json", root + "config.last")
    except OSError as exc:
        log.warn("config_not_kept", why=exc)
    return True


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
    def __init__(self, jobs, log, flush):
        """jobs is [(name, coroutine function, its arguments ...)].

        One that has done all it was there for returns True; no other is meant to return.
        flush(reason) makes durable what only RAM holds.
        """
        self.flush = flush
        self.jobs = jobs
        self.log = log
        self._ended = asyncio.Event()
        self._reason = None

    async def run(self):
        """Run until one task ends, stop the others, raise what ended it."""
        tasks = []
        for job in self.jobs:
            tasks.append(asyncio.create_task(self._watch(*job)))
        try:
            await self._ended.wait()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        raise self._reason

    async def _watch(self, name, job, *arguments):
        try:
            if await job(*arguments):
                return
            reason = RuntimeError(name + " returned")
        except Exception as exc:  # not CancelledError: that is a BaseException
            reason = exc
        self.log.error("task_ended", task=name, why=repr(reason))
        self._reason = self._reason or reason
        self._ended.set()
