"""Runs the tasks of the agent together: all of them, or none."""

import asyncio


class Agent:
    def __init__(self, jobs, log, flush):
        """jobs is [(name, coroutine function)]; none of them is meant to return.

        flush(reason) makes durable what only RAM holds.
        """
        self.flush = flush
        self.jobs = jobs
        self.log = log
        self._ended = asyncio.Event()
        self._reason = None

    async def run(self):
        """Run until one task ends, stop the others, raise what ended it."""
        tasks = [asyncio.create_task(self._watch(name, job)) for name, job in self.jobs]
        try:
            await self._ended.wait()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        raise self._reason

    async def _watch(self, name, job):
        try:
            await job()
            reason = RuntimeError(name + " returned")
        except Exception as exc:  # not CancelledError: that is a BaseException
            reason = exc
        self.log.error("task_ended", task=name, why=repr(reason))
        self._reason = self._reason or reason
        self._ended.set()
