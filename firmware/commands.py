"""Acts upon commands: one at a time, each once at most, and tells of each until the broker has it.

In memory only while there is something to do.
"""

import asyncio
import os

from micropython import const

from firmware import intake, report
from firmware.errors import LinkError, RejectedError

# A command is given up then. A new network takes the longest: two minutes and a half.
_ACT_MS = const(240_000)
_SLACK_MS = const(30_000)
# No more than five commands a second.
_PACE_MS = const(200)
_LEAVE_MS = const(5_000)


async def work(down):
    """Do all there is to do. What is raised is met again in the next call."""
    if down.is_left:
        await _take_up(down)
    while down.queue or down.documents:
        if down.queue:
            await _next(down)
        else:
            from firmware import settings

            document = down.documents[0]
            await settings.follow(down, document)
            if down.documents[0] is document:
                down.documents.pop()
    if down.ignored:
        count, down.ignored = down.ignored, 0
        down.log.warn("commands_ignored", count=count)
        down.agent.publisher.add_event("commands_ignored", {"count": count})


async def _take_up(down):
    """Take up what the last run left: answers that are open, settings that were taken back."""
    journal = intake.journal_of(down)
    queued = [entry[0] for entry in down.queue]
    left = []
    for answer in journal.open:
        if not any(one is answer for one in queued):
            if answer["state"] == "accepted":
                answer["state"], answer["reason"] = "interrupted", down.cause
            left.append((answer, None))
    down.queue[:0] = left
    if "config.bad" in os.listdir(down.folder or "."):
        from firmware import settings

        await settings.tell_taken_back(down)
    down.is_left = False


async def _next(down):
    """Act upon the first command in the queue, unless that is done, and tell how it ended."""
    answer, command = down.queue[0]
    if command and answer["state"] == "accepted":
        # Whatever happens now, it is not acted upon again.
        down.queue[0] = answer, None
        await _act(down, answer, command)
        await down.agent.clock.sleep_ms(_PACE_MS)
    if answer["state"] == "accepted":
        answer["state"], answer["reason"] = "interrupted", "failed"
    await report.tell(down, "command_result", answer)
    down.queue.pop(0)
    try:
        down.journal.close(answer)
    except OSError as exc:
        down.log.error("journal_unusable", why=exc)


async def _act(down, answer, command):
    agent, log = down.agent, down.log
    name = command["name"]
    log.info("command_accepted", id=answer["id"], name=name)
    told = asyncio.Event()
    agent.publisher.add_event("command_result", answer, told.set)
    agent.clock.alive("downlink", _ACT_MS + _SLACK_MS)
    result = None
    try:
        # It may have waited for others.
        why = intake.expired(agent.clock, command.get("not_after"))
        if not why and name == "reboot":
            await _reboot(down, answer, told)
        elif not why:
            from firmware import actions

            run = actions.run(down, name, command.get("args", {}))
            result = await asyncio.wait_for_ms(run, _ACT_MS)
    except (LinkError, RejectedError) as exc:
        why = str(exc)
    except asyncio.TimeoutError:
        why = "timeout"
    except Exception as exc:  # its text is nobody's business: it may say what was to stay here
        why = "failed: " + type(exc).__name__
    if why:
        answer["state"], answer["reason"] = "refused", why
        log.warn("command_refused", id=answer["id"], name=name, why=why)
    else:
        answer["state"] = "done"
        if result:
            from firmware import lookup

            answer["result"] = lookup.fitting(down, result)
        log.info("command_done", id=answer["id"], name=name)
    _save(down)


async def _reboot(down, answer, told):
    """Restart, once the broker knows that we have the command. It does not return."""
    try:
        await asyncio.wait_for_ms(told.wait(), _LEAVE_MS)
    except asyncio.TimeoutError:
        pass
    # This is told after the start.
    answer["state"] = "done"
    _save(down)
    await report.restart(down)


def _save(down):
    try:
        down.journal.save()
    except OSError as exc:
        down.log.error("journal_unusable", why=exc)
