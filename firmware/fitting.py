"""The small and the optional parts that wiring.py puts in. In memory only while it does."""

import random
import sys

from firmware import VERSION, unload
from firmware.agent import ask_time
from firmware.backoff import Backoff
from firmware.clock import Clock
from firmware.sampler import Sampler


def say(config, store, publisher, log):
    """Tell that the agent begins, and of what is not as it should be."""
    log.info("agent_started", boot=store.boot, version=VERSION)
    if config.replaced:
        publisher.add_event("config_replaced", config.replaced)
    for key in config.unknown:
        log.warn("setting_unknown", key=key)


def log_ring(*arguments):
    from firmware import ring

    return ring.Ring(*arguments)


def add_downlink(agent, identity, config, cause):
    from firmware import downlink

    agent.downlink = downlink.Downlink(agent, identity, config, cause)
    agent.jobs.append(("downlink", agent.downlink.run))


def topics_of(identity, config):
    from firmware import topics

    try:
        return topics.topics_of(identity.device_id, config.topics)
    finally:
        unload("topics")


def sampler_class():
    """Return what asks the sensors: more than usual once open_all() has met a general option."""
    if "firmware.filters" not in sys.modules:
        return Sampler
    from firmware import schedule

    return schedule.Schedule


def timekeeper(board, config, clock, wifi, log):
    """Return what keeps the clock right, and its arguments."""
    if board.has_own_time:
        return (clock.follow,)
    return (
        clock.run,
        ask_time,
        wifi.up,
        log.child("clock"),
        Backoff(15_000, 900_000, random.randrange),
        config.ntp_hosts,
        wifi.resolve,
    )


def battery(board, config):
    """Return what tells the battery's charge in percent, None on mains: nothing is loaded then."""
    if config.battery_pin is None:
        return None
    from firmware import power

    return power.Battery(board, config, Clock)


def radio_settings(board, config):
    """Return those of radio.py, None where all are the driver's own."""
    named = config.wifi_country or config.hostname or config.static_address
    if not named and config.wifi_power_save == "auto":
        return None
    from firmware import radio

    try:
        return radio.prepare(board, config)
    finally:
        unload("radio")
