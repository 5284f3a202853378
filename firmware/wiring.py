"""Builds every object of the agent, on one page. Nothing is sent or measured before run().

Nothing here is needed once it has run, so that main.py does not keep it: what the agent does
later is defined elsewhere.
"""

import asyncio
import binascii
import random
import sys

from umqtt.simple import MQTTClient

from firmware import VERSION, files, sensors, status, transport
from firmware.account import Account
from firmware.agent import Agent, ask_time, keep_last_good
from firmware.backoff import Backoff
from firmware.clock import Clock
from firmware.composer import Composer
from firmware.errors import ConfigError, CorruptError
from firmware.flashlog import FlashLog
from firmware.front import Front
from firmware.log import Log
from firmware.mqtt import Session
from firmware.publisher import Publisher
from firmware.reading import Reading, declared
from firmware.retained import Retained
from firmware.sampler import Sampler
from firmware.store import Store
from firmware.topics import Topics
from firmware.wifi import Wifi


def wire(board, config, identity, log_sink=print):
    """Return the Agent of this board.

    Raises ConfigError for settings that contradict each other or the board.
    """
    # The largest pieces, while there is room for them.
    front = Front(config.front_bytes)
    context = _context(identity)
    retained = Retained(board)
    clock = Clock(board, retained)
    log = Log("agent", clock.uptime_ms, config.log_level, log_sink)
    ready = asyncio.Event()
    wifi = Wifi(
        board.wlan,
        identity.wifi,
        clock,
        log.child("wifi"),
        _backoff(config),
        config.dns_servers,
    )
    session = _session(config, identity, context, wifi, clock, log, ready)
    topics = Topics(identity.device_id, config.topics)
    opened, reading = _measured(board, config)
    session.set_last_will(topics.status, status.WILL, True, 1)
    store = _store(board, config, identity, reading, front, retained, clock, log, ready)
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
    session.contested = publisher.add_event
    sampler = Sampler(opened, reading, store, clock, log.child("sampler"), config.interval_s)
    clock.start()
    try:
        files.tidy(board.root[:-1])
    except OSError as exc:
        log.warn("not_tidied", why=exc)
    log.info("agent_started", boot=store.boot, version=VERSION)
    for key in config.unknown:
        log.warn("setting_unknown", key=key)
    publisher.add_event("store_opened", store.look_back())
    return Agent(
        (
            ("wifi", wifi.run),
            ("clock",) + _timekeeper(board, config, clock, wifi, log),
            ("mqtt", session.run),
            ("sampler", sampler.run),
            ("store", store.run),
            ("publisher", publisher.run),
            ("config", keep_last_good, session.up, board.root, log),
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
        return opened, Reading(declared([p for _, sensor in opened for p in sensor.points]))
    except ValueError as exc:
        raise ConfigError("sensors: %s" % exc)


def _timekeeper(board, config, clock, wifi, log):
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


def _context(identity):
    """Return what verifies the broker, which takes the certificate over."""
    try:
        context = transport.context(identity.ca)
    except (OSError, ValueError) as exc:
        raise CorruptError("ca: %s" % exc)
    identity.ca = b""
    return context


def _session(config, identity, context, wifi, clock, log, ready):
    return Session(
        identity.client_id.encode(),
        config.mqtt_host,
        config.mqtt_port,
        identity.username.encode(),
        identity.password.encode(),
        config.keepalive_s,
        context,
        gate=wifi.online,
        resolve=wifi.resolve,
        clock=clock,
        log=log.child("mqtt"),
        backoff=_backoff(config),
        ready=ready,
        doubted=clock.doubted,
        window=config.window,
        buffer_bytes=_buffer_bytes(config),
    )


def _store(board, config, identity, reading, front, retained, clock, log, ready):
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
        front,
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


def forget():
    """Give up what only builds. No agent can be built afterwards.

    Here it is nothing: who packs the modules into one for a board finds out what can go, and
    writes this function anew.
    """


def lighten(*kept):
    """Let umqtt.simple's class, on which Session stands, have these methods only.

    Who asks for that class afterwards gets a whole one.
    """
    for name in list(MQTTClient.__dict__):
        if name not in kept:
            _forget(MQTTClient, name)
    package = sys.modules["umqtt"]
    if hasattr(package, "simple"):
        _forget(package, "simple")
        sys.modules["umqtt.simple"] = None  # pyright: ignore[reportArgumentType]
        del sys.modules["umqtt.simple"]


def _forget(owner, name):
    """Delete an attribute. A slot of a dict keeps its value then, and with it what that holds."""
    setattr(owner, name, None)
    delattr(owner, name)
