"""Sees that every task keeps its word, and feeds the watchdog only while all of them do.

It also notes that a start was a good one, and keeps the config of a start that was.

A task that is late is named and ends the agent, in order; should that hang too, or the thread
stand still, nobody feeds the watchdog any more. Linux has none: a process whose thread stands
still is its service manager's business.
"""

from micropython import const

from firmware import unload
from firmware.retained import STEADY

# A run that has lasted so long was a good start.
_STEADY_MS = const(60_000)
# Flash is left alone in the first moments of a start: it may be one of many.
_QUIET_MS = const(10_000)


async def watch(agent, feed, look_ms):
    """Look at all tasks every look_ms, for ever. Raises RuntimeError that names a late one."""
    clock, retained, nvs = agent.clock, agent.store.retained, agent.board.nvs
    is_kept = False
    while True:
        feed()
        await clock.sleep_ms(look_ms)
        now = clock.ticks_ms()
        for name, due in clock.dues.items():
            if due is not None and clock.ticks_diff(due, now) < 0:
                _end(agent, name)
        uptime_ms = clock.uptime_ms()
        if retained.ending != STEADY and uptime_ms >= _STEADY_MS:
            retained.ending = STEADY
            retained.save()
            if nvs.get_i32("starts"):
                nvs.set_i32("starts", 0)
        # A config that has brought a session is one to come back to.
        if not is_kept and agent.session.logins and uptime_ms >= _QUIET_MS:
            is_kept = True
            _keep(agent)


def _keep(agent):
    try:
        from firmware import lastgood

        lastgood.keep(agent.session, agent.board, agent.log)
    finally:
        unload("lastgood")


def _end(agent, name):
    agent.failed = name
    agent.log.error("task_stuck", task=name)
    exc = RuntimeError(name + " is stuck")
    try:
        from firmware import lastrun

        lastrun.note(agent.board, agent, None, exc)
    except MemoryError:  # the reset matters more than what is known of it
        pass
    finally:
        unload("lastrun")
    raise exc
