"""Has new settings in use while the agent runs."""

from micropython import const

from firmware.log import LEVELS

# Those it can be done with.
KEYS = (
    "rev interval_s topics telemetry_sequence budget_per_min flush_after_s log_level keepalive_s"
    " retry_min_ms retry_max_ms"
)
_POLL_MS = const(20)
_POLLS = const(1500)


def parts(down, patterns):
    """Return what topics.py makes of these patterns. Raises ConfigError."""
    from firmware import topics

    device_id = down.agent.publisher.topics.events.decode().split("/")[1]
    return topics.topics_of(device_id, patterns).parts


async def use(down, key, value):
    """Have one setting in use; return False if only a restart can do it."""
    agent = down.agent
    if key == "interval_s":
        agent.sampler.set_interval(value)
    elif key in ("topics", "telemetry_sequence"):
        return await _to_publisher(down, key, value)
    elif key == "budget_per_min":
        agent.publisher.budget.per_min = value
    elif key == "flush_after_s":
        agent.store.flush_after_s = value
    elif key == "log_level":
        agent.log.root.level = LEVELS.index(value)
    elif key == "keepalive_s":
        # The broker is told with the next login: both know another one from then on.
        agent.session.keepalive = agent.session.link.keepalive_s = value
        await agent.session.disconnect()
    else:
        _delays(agent, key, value)
    return True


def _delays(agent, key, value):
    for backoff in (agent.session.backoff, agent.wifi.backoff):
        if key == "retry_min_ms":
            backoff.min_ms = value
        else:
            backoff.max_ms = value
        backoff.reset()


async def _to_publisher(down, key, value):
    """Change what readings look like, as soon as none is on the way; False if one always is.

    A reading on the way has to be the same one if it must be sent again: to the same topic,
    with the same content.
    """
    publisher = down.agent.publisher
    for _ in range(_POLLS):
        if not any(lane.open or lane.part is not None for lane in publisher.lanes):
            break
        await down.agent.clock.sleep_ms(_POLL_MS)
    else:
        return False
    composer = publisher.composer
    if key == "telemetry_sequence":
        composer.with_sequence = value
    else:
        composer.parts[:] = parts(down, value)
    return True
