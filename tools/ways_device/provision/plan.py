"""What is known before a board is touched: broker, CA, profile, compiled code."""

from collections.abc import Sequence
from dataclasses import dataclass

from ways_device import identity, trust
from ways_device.api.credentials import Broker
from ways_device.context import Context
from ways_device.deploy import Code, compile_code
from ways_device.errors import UsageError
from ways_device.provision import account, settings
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
    choice: account.Choice
    wifi: Sequence[Network]


def make_plan(request: Request, wifi: Sequence[Network], context: Context) -> Plan:
    """Ask the platform and the broker, and compile. Changes nothing anywhere."""
    talk = context.talk
    with talk.step("asking the platform") as step:
        broker = settings.broker_of(request, context.platform.broker())
        choice = account.choose_profile(context.platform, request)
        step.say(f"broker {broker.host}:{broker.tls_port}, profile {choice.profile.name}")
    with talk.step("choosing the CA"):
        ca_file = request.ca_file
        ca_der = (
            trust.from_file(ca_file)
            if ca_file
            else trust.from_broker(broker.host, broker.tls_port)
        )
        _refuse_large(wifi, ca_der)
    with talk.step("compiling"):
        code = compile_code(context.source)
    return Plan(code, broker, ca_der, choice, wifi)


def _refuse_large(wifi: Sequence[Network], ca_der: bytes) -> None:
    longest = dict.fromkeys(("username", "password", "client_id"), _LONGEST_PASSWORD)
    body = identity.body("x" * 64, longest, ca_der, wifi)
    if len(identity.pack(body, 0)) > _IDENTITY_LIMIT_BYTES:
        raise UsageError("the CA and the Wi-Fi networks do not fit the board: give fewer networks")
