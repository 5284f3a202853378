"""The parts of notifications, built together."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ways_device.errors import ToolError
from ways_device.sandbox import channel_config, mail
from ways_device.sandbox.channels import Channels
from ways_device.sandbox.db import Db
from ways_device.sandbox.deliveries import Deliveries
from ways_device.sandbox.mail import Mailer
from ways_device.sandbox.notifier import Notifier
from ways_device.sandbox.policies import Policies
from ways_device.sandbox.sender import Sender
from ways_device.sandbox.transports import Gateway, Transports

_SMS_URL, _SMS_TOKEN = "WAYS_SANDBOX_SMS_URL", "WAYS_SANDBOX_SMS_TOKEN"


@dataclass(frozen=True)
class Notifications:
    channels: Channels
    policies: Policies
    deliveries: Deliveries
    notifier: Notifier
    sender: Sender


def build(
    db: Db,
    clock: Callable[[], float] = time.time,
    environment: Mapping[str, str] = os.environ,
) -> Notifications:
    """Return the parts. environment names the servers for channels that bring none along.

    Raises ToolError if it does so in a way that cannot be used.
    """
    channels = Channels(db, clock)
    policies = Policies(db, channels, clock)
    transports = Transports(
        Mailer(mail.from_environment(environment)), _gateway(environment), clock
    )
    return Notifications(
        channels,
        policies,
        Deliveries(db),
        Notifier(db, policies, clock),
        Sender(db, channels, transports, clock),
    )


def _gateway(environment: Mapping[str, str]) -> Gateway:
    url, token = environment.get(_SMS_URL), environment.get(_SMS_TOKEN)
    given = {"to": "+4700000000", "url": url, "token": token}
    if channel_config.problems("sms", {key: value for key, value in given.items() if value}):
        raise ToolError(f"{_SMS_URL} and {_SMS_TOKEN} must be an https URL and a token")
    return Gateway(url or None, token or None)
