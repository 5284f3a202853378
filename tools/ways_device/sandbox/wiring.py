"""Builds every object of a sandbox, on one page. Nothing acts here."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from ways_device.sandbox import commands, configs, dynsec, notifications
from ways_device.sandbox.access import Access
from ways_device.sandbox.account import Account
from ways_device.sandbox.alarms import Alarms
from ways_device.sandbox.broker import Broker, Settings
from ways_device.sandbox.broker_faults import BrokerFaults
from ways_device.sandbox.commands import Commands
from ways_device.sandbox.configs import Configs
from ways_device.sandbox.datapoints import Datapoints
from ways_device.sandbox.db import Db
from ways_device.sandbox.devices import Devices
from ways_device.sandbox.dialect import PRESETS, Dialect
from ways_device.sandbox.downlink import Downlink
from ways_device.sandbox.dynsec import Control
from ways_device.sandbox.engine import Engine
from ways_device.sandbox.events import Events
from ways_device.sandbox.faults import Faults
from ways_device.sandbox.groups import Groups
from ways_device.sandbox.health import Health
from ways_device.sandbox.ingest import Ingest
from ways_device.sandbox.keys import hashed, new_password
from ways_device.sandbox.ledger import Ledger
from ways_device.sandbox.overview import Overview
from ways_device.sandbox.platform import Platform
from ways_device.sandbox.presence import Presence
from ways_device.sandbox.profiles import Profiles
from ways_device.sandbox.rules import Rules
from ways_device.sandbox.sender import Sender
from ways_device.sandbox.series import Series
from ways_device.sandbox.subscriber import Subscriber
from ways_device.sandbox.subscription import DEVICES_DEFAULT, Subscription
from ways_device.sandbox.telemetry import Telemetry
from ways_device.sandbox.traffic import Traffic
from ways_device.sandbox.wire import Json


@dataclass(frozen=True)
class Parts:
    broker: Broker
    control: Control
    subscriber: Subscriber
    presence: Presence
    engine: Engine
    sender: Sender
    platform: Platform


def wire(
    db: Db,
    settings: Settings,
    mqtt_host: str,
    clock: Callable[[], float] = time.time,
    device_limit: int = DEVICES_DEFAULT,
    dialect: Dialect = PRESETS["reference"],
) -> Parts:
    """Return the parts of a sandbox; mqtt_host is where its devices are told to connect to.

    clock tells Unix seconds; tests play days with one of their own.
    """
    presence = Presence(db, clock)
    devices = Devices(db, presence, clock)
    subscription = Subscription(db, device_limit)
    datapoints = Datapoints(db, clock)
    telemetry = Telemetry(db, clock)
    events = Events(db)
    ledger = Ledger(db, events)
    sent = Commands(db, events, clock)
    settings_of = Configs(db, devices, clock)
    answers = {commands.RESULT: sent.answer, configs.RESULT: settings_of.answer}
    told = notifications.build(db, clock)
    rules = Rules(db, clock)
    alarms = Alarms(db, told.notifier.on_change, clock)
    engine = Engine(db, rules, alarms, told.notifier.on_webhook, clock)
    # Our own two logins live as long as this process: nothing to keep, nothing to leak.
    admin, ingest = new_password(), new_password()
    hashes = hashed(admin), hashed(ingest)

    def security() -> Json:
        return dynsec.document(*hashes, access.logins())

    broker = Broker(settings, security, presence.read_log, presence.all_closed)
    tls = settings.certs.client_context()
    admin_account = Account("127.0.0.1", settings.port, dynsec.ADMIN, admin, tls)
    control = Control(admin_account, broker.up)
    subscriber = Subscriber(
        Account("127.0.0.1", settings.port, dynsec.INGEST, ingest, tls),
        db,
        Ingest(db, datapoints, telemetry, events, ledger, engine.on_value, answers),
        broker.up,
        # From here on the subscription is on disk: a broker that is killed still has it.
        on_subscribed=broker.save,
        clock=clock,
    )
    access = Access(devices, subscription, broker, control, subscriber)
    faults = Faults()
    broker_faults = BrokerFaults(faults, devices, access)
    platform = Platform(
        devices,
        Health(db, devices, presence, clock),
        subscription,
        Overview(db, Traffic(db, clock), alarms, clock),
        Groups(db, clock),
        Profiles(db, devices, clock, settings_of.refresh),
        rules,
        alarms,
        datapoints,
        telemetry,
        Series(db, clock),
        events,
        ledger,
        sent,
        settings_of,
        Downlink(control, broker.up.is_set, devices, sent, settings_of),
        access,
        told,
        faults,
        broker_faults,
        mqtt_host,
        settings.port,
        dialect,
    )
    return Parts(broker, control, subscriber, presence, engine, told.sender, platform)
