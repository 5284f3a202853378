"""What is known before a board is touched: broker, CA, profile, compiled code."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ways_device import identity, trust
from ways_device.api.credentials import Broker
from ways_device.api.platform import Platform
from ways_device.bytecode import DeviceFile
from ways_device.context import Context
from ways_device.deploy import Code, compile_code
from ways_device.errors import UsageError
from ways_device.provision import settings
from ways_device.provision.account import Account, Choice
from ways_device.provision.request import Request
from ways_device.wifi import Network

# An identity has to fit one page of the board's NVS.
_IDENTITY_LIMIT_BYTES = 4000
_LONGEST_PASSWORD = "x" * 128


@dataclass(frozen=True)
class Plan:
    """What is known before anything is changed."""

    code: Code
    broker: Broker
    ca_der: bytes
    choice: Choice
    wifi: Sequence[Network]
    account: Account


class Planner:
    """Makes plans, for any number of boards; what they share is asked for and compiled once."""

    def __init__(
        self, platform: Platform, source: Path, drivers: Sequence[DeviceFile] = ()
    ) -> None:
        self.account = Account(platform)
        self._platform = platform
        self._source = source
        self._drivers = drivers
        self._cas: dict[tuple[Path | None, Broker], bytes] = {}

    @cached_property
    def code(self) -> Code:
        return compile_code(self._source, self._drivers)

    @cached_property
    def _told(self) -> Broker:
        return self._platform.broker()

    def broker(self, request: Request) -> Broker:
        return settings.broker_of(request, self._told)

    def ca_der(self, request: Request) -> bytes:
        """Return the root that the board is to trust: the file's, or the broker's own."""
        broker = self.broker(request)
        key = (request.ca_file, broker)
        if key not in self._cas:
            self._cas[key] = (
                trust.from_file(request.ca_file)
                if request.ca_file
                else trust.from_broker(broker.host, broker.tls_port)
            )
        return self._cas[key]

    def plan(self, request: Request, wifi: Sequence[Network]) -> Plan:
        """Ask the platform and the broker, and compile. Changes nothing anywhere."""
        broker, ca_der = self.broker(request), self.ca_der(request)
        _refuse_large(wifi, ca_der)
        choice = self.account.choose_profile(request)
        return Plan(self.code, broker, ca_der, choice, wifi, self.account)


def make_plan(request: Request, wifi: Sequence[Network], context: Context) -> Plan:
    """Return the plan for one board, and say what is done for it."""
    talk = context.talk
    planner = Planner(context.platform, context.source, request.drivers)
    with talk.step("asking the platform") as step:
        broker = planner.broker(request)
        profile = planner.account.choose_profile(request).profile
        step.say(f"broker {broker.host}:{broker.tls_port}, profile {profile.name}")
    with talk.step("choosing the CA"):
        _refuse_large(wifi, planner.ca_der(request))
    with talk.step("compiling"):
        return planner.plan(request, wifi)


def _refuse_large(wifi: Sequence[Network], ca_der: bytes) -> None:
    longest = dict.fromkeys(("username", "password", "client_id"), _LONGEST_PASSWORD)
    body = identity.body("x" * 64, longest, ca_der, wifi)
    if len(identity.pack(body, 0)) > _IDENTITY_LIMIT_BYTES:
        raise UsageError("the CA and the Wi-Fi networks do not fit the board: give fewer networks")
