"""Time that passes only when no task can run: an hour takes milliseconds, a hang is an error.

VirtualTime takes the place of asyncio's poller, and is the clock of what runs on it. Sockets are
those of fakes/flaky_socket.py: is_ready() tells whether a task that waits for one may go on.
"""

import asyncio
from asyncio import core

PERIOD = 1 << 30
# So many steps without any time in between, and a task is going round and round.
_MOST_STEPS = 20_000


class Stuck(Exception):  # noqa: N818 - it is what a test finds, named as it is told
    """Nobody will ever go on: all wait for each other, for longer than allowed, or go round."""


class VirtualTime:
    map = (None,)  # asyncio asks its poller even when no task waits for a socket

    def __init__(self, limit_ms=3_600_000, start_ms=PERIOD - 5_000):
        """It stops after limit_ms; the ticks wrap early, as they do in the field now and then."""
        self.passed_ms = 0
        self.tasks = []  # all that were created in between
        self.unhandled = []  # exceptions that no task took
        self.on_step = None  # called before each step of any task
        self._limit_ms = limit_ms
        self._start_ms = start_ms
        self._later = []  # (when, number, task or function)
        self._number = 0
        self._waiting = []  # (task, sock, whether it waits for bytes)
        self._steps = 0

    # What a clock has.

    def ticks_ms(self):
        return (self._start_ms + self.passed_ms) % PERIOD

    def ticks_add(self, ticks, delta):
        return (ticks + delta) % PERIOD

    def ticks_diff(self, end, start):
        return (end - start + PERIOD // 2) % PERIOD - PERIOD // 2

    def alive(self, name, within_ms):
        """It is not looked at: who goes round and round, or waits for ever, is found anyway."""

    def sleep_ms(self, ms):
        if ms <= 0:
            core._task_queue.push(core.cur_task)
        else:
            self._wait(core.cur_task)
            self._note(ms, core.cur_task)
        yield

    # What the poller of asyncio has.

    def queue_read(self, sock):
        self._enqueue(sock, True)

    def queue_write(self, sock):
        self._enqueue(sock, False)

    def remove(self, task):
        """Forget a task that is cancelled."""
        self._waiting = [entry for entry in self._waiting if entry[0] is not task]
        self._later = [entry for entry in self._later if entry[2] is not task]

    def wait_io_event(self, dt):
        """Wake who can go on; with nobody ready (dt < 0) let the time pass until somebody is."""
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise Stuck("a task goes round and round")
        if self.on_step:
            self.on_step()
        self._wake()
        if dt > 0:
            raise Stuck("a task sleeps outside of this time")
        while core._task_queue.peek() is None:
            self._pass()
            self._wake()

    # What a test calls.

    @property
    def idle(self):
        """How many tasks wait for a socket or a time."""
        return len(self._waiting) + len([one for one in self._later if not callable(one[2])])

    def at(self, ms, function):
        """Call function in ms."""
        self._note(ms, function)

    def run(self, coroutine):
        """Run it as asyncio.run() does. Raises Stuck, and what the coroutine raises."""
        asyncio.new_event_loop()
        core._io_queue = self
        core.cur_task = None
        asyncio.get_event_loop().set_exception_handler(
            lambda _loop, context: self.unhandled.append(context["exception"])
        )
        create_task, asyncio.create_task = asyncio.create_task, self._create_task
        try:
            return asyncio.run(coroutine)
        finally:
            asyncio.create_task = create_task
            asyncio.get_event_loop().set_exception_handler(None)
            asyncio.new_event_loop()

    def _create_task(self, coroutine):
        task = core.create_task(coroutine)
        self.tasks.append(task)
        return task

    def _wait(self, task):
        task.data = self  # who has it removed when it is cancelled

    def _enqueue(self, sock, is_read):
        sock.check_open("polled")
        self._wait(core.cur_task)
        self._waiting.append((core.cur_task, sock, is_read))

    def _note(self, ms, what):
        self._number += 1
        self._later.append((self.passed_ms + ms, self._number, what))

    def _wake(self):
        for entry in self._waiting[:]:
            if entry[1].is_ready(entry[2]):
                self._waiting.remove(entry)
                core._task_queue.push(entry[0])

    def _pass(self):
        if not self._later:
            raise Stuck("nobody will ever go on")
        first = min(self._later, key=lambda entry: entry[:2])
        self._later.remove(first)
        if first[0] > self.passed_ms:
            self._steps = 0
        self.passed_ms = first[0]
        if self.passed_ms > self._limit_ms:
            raise Stuck("not within %d ms" % self._limit_ms)
        if callable(first[2]):
            first[2]()
        else:
            core._task_queue.push(first[2])
