"""Builds every object of the agent, on one page. Nothing is sent or measured before run()."""

import asyncio
import binascii
import random

from firmware import VERSION, sensors, sntp, status, transport
from firmware import config as settings
from firmware.agent import Agent
from firmware.backoff import Backoff
from firmware.clock import Clock
from firmware.dns import Resolver
from firmware.log import Log
from firmware.mqtt import Session
from firmware.power import Battery
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

    def backoff(min_ms=config.retry_min_ms, max_ms=config.retry_max_ms):
        return Backoff(min_ms, max_ms, random.randrange)

    topics = Topics(identity.device_id, config.topics)
    opened = sensors.open_all(config.sensors, board)
    points = [point for _, sensor in opened for point in sensor.points]

    async def online():
        """A session makes sense with a link, and a time to check certificates by."""
        await wifi.up.wait()
        await clock.settled.wait()

    wifi = Wifi(board.wlan, identity.wifi, clock, log.child("wifi"), backoff())
    resolver = Resolver(lambda: config.dns_servers or wifi.dns_servers())
    session = Session(
        identity.client_id.encode(),
        config.mqtt_host,
        config.mqtt_port,
        identity.username.encode(),
        identity.password.encode(),
        config.keepalive_s,
        transport.context(identity.ca),
        gate=online,
        resolve=resolver.resolve,
        clock=clock,
        log=log.child("mqtt"),
        backoff=backoff(),
        ready=ready,
        doubted=clock.doubted,
        window=config.window,
    )
    session.set_last_will(topics.status, status.WILL, True, 1)

    store = Store(config.store_records, retained, log.child("store"), ready)
    battery = Battery(
        board.adc_mv, config.battery_pin, config.battery_divider_milli, config.battery_chemistry
    )
    about = {
        "model": board.model,
        "hardware_id": binascii.hexlify(board.unique_id()).decode(),
        "capabilities": [point.key for point in points],
        "reset_cause": board.reset_cause(),
    }
    publisher = Publisher(
        session,
        store,
        Reading(points),
        topics,
        status.Status(clock, battery, wifi.rssi_dbm, about),
        clock,
        log.child("publisher"),
        ready,
        config.budget_per_min,
        config.telemetry_sequence,
    )
    sampler = Sampler(
        opened, Reading(points), store, clock, log.child("sampler"), config.interval_s
    )

    async def keep_last_good():
        """A config that has brought a session is one to come back to."""
        await session.up.wait()
        try:
            settings.keep_last_good(board.root)
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
            backoff(15_000, 900_000),
        )

    clock.start()
    log.info("agent_started", boot=store.boot, version=VERSION)
    for key in config.unknown:
        log.warn("setting_unknown", key=key)
    publisher.add_event("store_opened", store.opened())
    return Agent(
        (
            ("wifi", wifi.run),
            ("clock", keep_time),
            ("mqtt", session.run),
            ("sampler", sampler.run),
            ("publisher", publisher.run),
            ("config", keep_last_good),
        ),
        log,
    )
