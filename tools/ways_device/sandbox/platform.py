"""The parts of one sandbox that its API works on."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from ways_device.sandbox.access import Access
from ways_device.sandbox.alarms import Alarms
from ways_device.sandbox.broker_faults import BrokerFaults
from ways_device.sandbox.commands import Commands
from ways_device.sandbox.configs import Configs
from ways_device.sandbox.datapoints import Datapoints
from ways_device.sandbox.devices import Devices
from ways_device.sandbox.dialect import Dialect
from ways_device.sandbox.downlink import Downlink
from ways_device.sandbox.events import Events
from ways_device.sandbox.faults import Faults
from ways_device.sandbox.groups import Groups
from ways_device.sandbox.health import Health
from ways_device.sandbox.ledger import Ledger
from ways_device.sandbox.notifications import Notifications
from ways_device.sandbox.overview import Overview
from ways_device.sandbox.profiles import Profiles
from ways_device.sandbox.rules import Rules
from ways_device.sandbox.series import Series
from ways_device.sandbox.subscription import Subscription
from ways_device.sandbox.telemetry import Telemetry


@dataclass(frozen=True)
class Platform:
    devices: Devices
    health: Health
    subscription: Subscription
    overview: Overview
    groups: Groups
    profiles: Profiles
    rules: Rules
    alarms: Alarms
    datapoints: Datapoints
    telemetry: Telemetry
    series: Series
    events: Events
    ledger: Ledger
    commands: Commands
    configs: Configs
    downlink: Downlink
    access: Access
    notifications: Notifications
    faults: Faults
    broker_faults: BrokerFaults
    mqtt_host: str
    mqtt_tls_port: int
    dialect: Dialect


def _of(request: Request) -> Platform:
    platform: Platform = request.app.state.platform
    return platform


# What a route asks for to get at the parts.
The = Annotated[Platform, Depends(_of)]
