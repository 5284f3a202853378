"""Tells the platform, and is sure that it knows. For what comes from there; not kept in memory."""

import asyncio

from micropython import const

# What an event has around its result: header, topic, other fields, each at its longest.
_AROUND_BYTES = const(300)
_LOOK_MS = const(5_000)


def room(down):
    """Return how many bytes of JSON a result may have."""
    return len(down.agent.session.link.tx) - _AROUND_BYTES


async def tell(down, event_type, metadata):
    """Return once the broker has this event. It outlives a queue of events that is too full."""
    publisher = down.agent.publisher
    told = asyncio.Event()
    event = None
    while not told.is_set():
        if not any(one is event for one in publisher.events):
            publisher.add_event(event_type, metadata, told.set)
            event = publisher.events[-1]
        # With the session it waits for the broker.
        down.agent.clock.alive("downlink", None)
        try:
            await asyncio.wait_for_ms(told.wait(), _LOOK_MS)
        except asyncio.TimeoutError:
            pass


async def restart(down):
    """Have the agent restart, which cancels this: it does not return."""
    down.log.info("restart_ordered")
    down.agent.clock.alive("downlink", None)
    down.agent.stop()
    await asyncio.Event().wait()
