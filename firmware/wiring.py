"""Builds every object of the agent, on one page. Nothing is sent or measured before run().

Nothing here is needed once it has run, so that start.py does not keep it: what the agent does
later is defined elsewhere.
"""

import asyncio
import binascii
import random

from firmware import fitting, sensors, status, supervisor
from firmware.account import Account
from firmware.agent import Agent
from firmware.backoff import Backoff
from firmware.clock import Clock
from firmware.composer import Composer
from firmware.errors import ConfigError
from firmware.flashlog import FlashLog
from firmware.front import Front
from firmware.log import Log, Root
from firmware.mqtt import Session
from firmware.publisher import Publisher
from firmware.reading import Reading, declared
from firmware.retained import Retained
from firmware.store import Store
from firmware.wifi import Wifi


def wire(board, config, identity, log_sink=print, cause=None):
    """Return the Agent of this board; cause is why it was started.

    What verifies the broker is put into its session afterwards.

    Raises ConfigError for settings that contradict each other or the board.
    """
    # The largest pieces, while there is room for them.
    front, retained, kind = _memory(config, board)
    clock = Clock(board, retained)
    if config.log_ring_bytes and config.commands_topic:  # nobody else asks for it
        log_sink = fitting.log_ring(config.log_ring_bytes, log_sink)
    log = Log("agent", Root(clock.uptime_ms, config.log_level, log_sink))
    ready = asyncio.Event()
    wifi, session = _connections(board, config, identity, clock, log, ready)
    topics = fitting.topics_of(identity, config)
    opened, reading = _measured(board, config)
    session.set_last_will(topics.status, status.WILL, True, 1)
    store = _store(kind, board, config, identity, reading, front, retained, clock, log, ready)
    battery = fitting.battery(board, config)
    publisher_log = log.child("publisher")
    publisher = Publisher(
        session,
        store,
        Composer(
            store,
            Reading(reading.points),
            topics,
            clock,
            publisher_log,
            config.telemetry_sequence,
            config.batch,
            _buffer_bytes(config) - _ENVELOPE,
        ),
        topics,
        status.Status(
            clock,
            battery and battery.level_pct,
            wifi.rssi_dbm,
            (board, reading.points, cause),
        ),
        clock,
        publisher_log,
        ready,
        config.budget_per_min,
    )
    session.contested = publisher.add_event
    if battery:
        battery.log = log.child("power")  # pyright: ignore[reportAttributeAccessIssue]
        battery.tell = publisher.add_event  # pyright: ignore[reportAttributeAccessIssue]
    sampler = fitting.sampler_class()(
        opened,
        reading,
        store,
        clock,
        log.child("sampler"),
        config.interval_s,
        publisher.add_event,
    )
    clock.assess()
    fitting.say(config, store, publisher, log)
    agent = _agent(config, board, clock, log, wifi, session, sampler, store, publisher)
    agent.jobs = [
        ("wifi", wifi.run),
        ("clock",) + fitting.timekeeper(board, config, clock, wifi, log),
        ("mqtt", session.run),
        ("sampler", sampler.run),
        ("store", store.run),
        ("publisher", publisher.run),
        ("supervisor", supervisor.watch, agent) + _watchdog(board, config),
    ]
    if _has_downlink(config):
        fitting.add_downlink(agent, identity, config, cause)
    return agent


def _watchdog(board, config):
    """Return what feeds the watchdog from now on, and how often the supervisor looks, in ms."""
    limit_ms = config.watchdog_s * 1000 or _NO_WATCHDOG_MS
    return board.watchdog(limit_ms), min(_LOOK_MS, limit_ms // 4)


# It cannot be stopped. This is as long as the chip's counter goes, and it is fed all the same.
_NO_WATCHDOG_MS = 604_800_000
_LOOK_MS = 5_000


def _memory(config, board):
    """Return the front, what is in RTC memory, and the class of the store.

    A sleeper has its own of each: its front is in RTC memory.
    """
    if not config.connect_every:
        return Front(config.front_bytes), Retained(board), Store
    from firmware import keeping

    front = keeping.Shelf()
    return front, keeping.Kept(board, front), keeping.Keeper


def _agent(config, *parts):
    """Return the Agent of these parts, or a Sleeper."""
    if config.connect_every:
        from firmware import sleeper

        return sleeper.Sleeper(config, *parts)
    return Agent(*parts)


# What a message has besides its payload: header, packet id, and the longest topic.
_ENVELOPE = 160


# Who subscribes to nothing gets answers of four bytes each, as many as the window allows.
_ANSWERS = 256


def _has_downlink(config):
    return config.commands_topic or config.config_topic


def _buffer_bytes(config):
    return 1024 if config.batch == 1 else 4096


def _measured(board, config):
    """Return ([(kind, sensor)], the Reading of all that they tell)."""
    opened = sensors.open_all(config.sensors, board)
    try:
        return opened, Reading(declared([p for _, sensor in opened for p in sensor.points]))
    except ValueError as exc:
        raise ConfigError("sensors: %s" % exc)


def _backoff(config):
    return Backoff(config.retry_min_ms, config.retry_max_ms, random.randrange)


def _connections(board, config, identity, clock, log, ready):
    """Return (Wifi, Session), which run when the agent does."""
    wifi = Wifi(
        board.wlan,
        identity.wifi,
        clock,
        log.child("wifi"),
        _backoff(config),
        config.dns_servers,
    )
    wifi.settings = fitting.radio_settings(board, config)  # pyright: ignore[reportAttributeAccessIssue]
    session = Session(
        identity.client_id.encode(),
        config.mqtt_host,
        config.mqtt_port,
        identity.username.encode(),
        identity.password.encode(),
        config.keepalive_s,
        gate=wifi.online,
        resolve=wifi.resolve,
        clock=clock,
        log=log.child("mqtt"),
        backoff=_backoff(config),
        ready=ready,
        doubted=clock.doubted,
        window=config.window,
        tx_bytes=_buffer_bytes(config),
        rx_bytes=_buffer_bytes(config) if _has_downlink(config) else _ANSWERS,
    )
    wifi.in_use = session.up
    return wifi, session


def _store(kind, board, config, identity, reading, front, retained, clock, log, ready):
    owner = binascii.crc32(identity.device_id.encode())
    folder = board.root + "data"
    flashlog = FlashLog(
        folder,
        owner,
        Account(folder + "/account", owner),
        config.log_kb // 4,
        config.when_full == "oldest",
        reading.shape,
        reading.text,
    )
    return kind(
        front,
        flashlog,
        retained,
        clock,
        log.child("store"),
        ready,
        config.flush_after_s,
        reading.shape,
    )


def forget():
    """Give up what only builds. No agent can be built afterwards.

    Here it is nothing: who packs the modules into one for a board finds out what can go, and
    writes this function anew.
    """
