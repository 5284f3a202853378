"""Builds every object of the agent, on one page. Nothing is sent or measured before run().

What is defined here for building is forgotten when it has run: see main.py.
"""

import asyncio
import binascii
import random

from firmware import VERSION, files, sensors, sntp, status, transport
from firmware.account import Account
from firmware.agent import Agent
from firmware.backoff import Backoff
from firmware.clock import Clock
from firmware.composer import Composer
from firmware.dns import Resolver
from firmware.errors import ConfigError, CorruptError
from firmware.flashlog import FlashLog
from firmware.front import Front
from firmware.log import Log
from firmware.mqtt import Session
from firmware.publisher import Publisher
from firmware.reading import Reading
from firmware.retained import Retained
from firmware.sampler import Sampler
from firmware.store import Store
from firmware.topics import Topics
from firmware.wifi import Wifi


def wire(board, config, identity, log_sink=print):
    """Return the Agent of this board.

    Raises ConfigError for settings that contradict each other or the board.
    """
    retained = Retained(board)
    clock = Clock(board, retained)
    log = Log("agent", clock.uptime_ms, config.log_level, log_sink)
    ready = asyncio.Event()
    topics = Topics(identity.device_id, config.topics)
    opened, reading = _measured(board, config)
    wifi = Wifi(board.wlan, identity.wifi, clock, log.child("wifi"), _backoff(config))
    resolver = Resolver(lambda: config.dns_servers or wifi.dns_servers())

    def contested():
        publisher.add_event("session_contested", {})

    session = _session(config, identity, wifi, resolver, clock, log, ready, contested)
    session.set_last_will(topics.status, status.WILL, True, 1)
    store = _store(board, config, identity, reading, retained, clock, log, ready)
    publisher = Publisher(
        session,
        store,
        Composer(
            store,
            Reading(reading.points),
            topics,
            clock,
            log.child("publisher"),
            config.telemetry_sequence,
            config.batch,
            _buffer_bytes(config) - _ENVELOPE,
        ),
        topics,
        status.Status(clock, _battery(board, config), wifi.rssi_dbm, _about(board, reading)),
        clock,
        log.child("publisher"),
        ready,
        config.budget_per_min,
    )
    sampler = Sampler(opened, reading, store, clock, log.child("sampler"), config.interval_s)

    async def keep_last_good():
        """A config that has brought a session is one to come back to."""
        await session.up.wait()
        try:
            files.copy(board.root + "config.json", board.root + "config.last")
        except OSError as exc:
            log.warn("config_not_kept", why=exc)
        await asyncio.Event().wait()

    async def keep_time():
        if board.has_own_time:
            await clock.follow()
        await clock.run(
            lambda: sntp.exchange(config.ntp_hosts, resolver.resolve),
            wifi.up,
            log.child("clock"),
            Backoff(15_000, 900_000, random.randrange),
        )

    clock.start()
    try:
        files.tidy(board.root[:-1])
    except OSError as exc:
        log.warn("not_tidied", why=exc)
    log.info("agent_started", boot=store.boot, version=VERSION)
    for key in config.unknown:
        log.warn("setting_unknown", key=key)
    publisher.add_event("store_opened", store.open())
    return Agent(
        (
            ("wifi", wifi.run),
            ("clock", keep_time),
            ("mqtt", session.run),
            ("sampler", sampler.run),
            ("store", store.run),
            ("publisher", publisher.run),
            ("config", keep_last_good),
        ),
        log,
        store.flush,
    )


# What a message has besides its payload: header, packet id, and the longest topic.
_ENVELOPE = 160


def _buffer_bytes(config):
    return 1024 if config.batch == 1 else 4096


def _backoff(config):
    return Backoff(config.retry_min_ms, config.retry_max_ms, random.randrange)


def _measured(board, config):
    """Return ([(kind, sensor)], the Reading of all that they tell)."""
    opened = sensors.open_all(config.sensors, board)
    try:
        return opened, Reading([point for _, sensor in opened for point in sensor.points])
    except ValueError as exc:
        raise ConfigError("sensors: %s" % exc)


def _session(config, identity, wifi, resolver, clock, log, ready, contested):
    async def online():
        """A session makes sense with a link, and a time to check certificates by."""
        await wifi.up.wait()
        await clock.settled.wait()

    try:
        context = transport.context(identity.ca)
    except (OSError, ValueError) as exc:
        raise CorruptError("ca: %s" % exc)
    return Session(
        identity.client_id.encode(),
        config.mqtt_host,
        config.mqtt_port,
        identity.username.encode(),
        identity.password.encode(),
        config.keepalive_s,
        context,
        gate=online,
        resolve=resolver.resolve,
        clock=clock,
        log=log.child("mqtt"),
        backoff=_backoff(config),
        ready=ready,
        doubted=clock.doubted,
        window=config.window,
        buffer_bytes=_buffer_bytes(config),
        contested=contested,
    )


def _store(board, config, identity, reading, retained, clock, log, ready):
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
    return Store(
        Front(config.front_bytes),
        flashlog,
        retained,
        clock,
        log.child("store"),
        ready,
        config.flush_after_s,
        reading.shape,
    )


def _battery(board, config):
    """Return what tells the battery's charge in percent, None on mains."""
    if config.battery_pin is None:
        return None
    from firmware.power import Battery

    return Battery(
        board.adc_mv, config.battery_pin, config.battery_divider_milli, config.battery_chemistry
    ).level_pct


def _about(board, reading):
    return {
        "model": board.model,
        "hardware_id": binascii.hexlify(board.unique_id()).decode(),
        "capabilities": [point.key for point in reading.points],
        "reset_cause": board.reset_cause(),
    }
