"""Where the broker is, who vouches for it, and what a device may subscribe to."""

import socket
import ssl
from typing import Any

from cryptography import x509

from ways_device.api.credentials import read_broker
from ways_device.errors import ApiError
from ways_device.probe.bench import Bench, found_in
from ways_device.probe.finding import Deadline, Told, UnansweredError
from ways_device.secrets import one_line

_CONNECT_S = 10


def address(bench: Bench, _deadline: Deadline) -> Told:
    """In which form the platform tells where devices connect."""
    answer = bench.ask("GET", "credentials")
    bench.record("GET credentials", answer)
    found = found_in(answer)
    try:
        bench.broker = read_broker(found)
    except ApiError as exc:
        raise UnansweredError(str(exc)) from exc
    form = address_form(found)
    told = {"form": form or "another", "fields": sorted(str(key)[:40] for key in found)[:20]}
    where = f"{bench.broker.host}:{bench.broker.tls_port}"
    return Told(f"{where}, told in the form {told['form']}", told)


def address_form(found: dict[str, Any]) -> str:
    """Return how the sandbox calls this form; "" if it has no such form."""
    if isinstance(found.get("mqtt_broker"), dict):
        return "reference"
    return "older" if isinstance(found.get("broker"), str) else ""


def chain(bench: Bench, _deadline: Deadline) -> Told:
    """Which certificates the broker shows, and whether a chip's TLS 1.2 is enough for it."""
    if bench.broker is None:
        raise UnansweredError("the platform did not tell the broker's address")
    newest, shown = _handshake(bench, None)
    try:
        oldest = _handshake(bench, ssl.TLSVersion.TLSv1_2)[0]
    except UnansweredError:
        oldest = ""
    certificates = [_certificate(der) for der in shown]
    told = {"newest": newest, "takes_tls_1_2": oldest == "TLSv1.2", "certificates": certificates}
    names = " < ".join(item["subject"] for item in certificates)
    return Told(f"{newest}; {names or 'this Python does not show the chain'}", told)


def _handshake(bench: Bench, newest: ssl.TLSVersion | None) -> tuple[str, list[bytes]]:
    """Return the version spoken and the verified chain in DER, leaf first."""
    assert bench.broker is not None
    where = bench.broker.host, bench.broker.tls_port
    before = bench.trust.maximum_version
    if newest is not None:
        bench.trust.maximum_version = newest
    try:
        with (
            socket.create_connection(where, _CONNECT_S) as plain,
            bench.trust.wrap_socket(plain, server_hostname=where[0]) as secured,
        ):
            return str(secured.version()), _shown(secured)
    except ssl.SSLCertVerificationError as exc:
        raise UnansweredError(
            f"its certificate is not trusted here ({exc.verify_message}); give its CA with "
            "--ca-file"
        ) from exc
    except OSError as exc:
        raise UnansweredError(f"no TLS connection ({one_line(str(exc))})") from exc
    finally:
        bench.trust.maximum_version = before


def _shown(secured: ssl.SSLSocket) -> list[bytes]:
    # Public since Python 3.13; the leaf alone is what all of them tell.
    verified: Any = getattr(secured, "get_verified_chain", None)
    if verified is not None:
        return list(verified())
    inner: Any = getattr(getattr(secured, "_sslobj", None), "get_verified_chain", None)
    if inner is not None:
        return [ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in inner()]
    leaf = secured.getpeercert(binary_form=True)
    return [leaf] if leaf else []


def _certificate(der: bytes) -> dict[str, Any]:
    found = x509.load_der_x509_certificate(der)
    return {
        "subject": one_line(found.subject.rfc4514_string()),
        "issuer": one_line(found.issuer.rfc4514_string()),
        "expires": f"{found.not_valid_after_utc:%Y-%m-%d}",
        "key": type(found.public_key()).__name__.strip("_").removesuffix("PublicKey"),
    }


def subscriptions(bench: Bench, deadline: Deadline) -> Told:
    """What a device may subscribe to: below its own id, and below another device's."""
    own = bench.own()
    # The second device is ours too: nobody else's messages are asked for.
    other = bench.other.id if bench.other and bench.other.id else f"ways-probe-{bench.run}-x"
    topics = {
        "own_all": f"devices/{own}/#",
        "own_commands": f"devices/{own}/commands",
        "own_config": f"devices/{own}/config",
        "foreign": f"devices/{other}/commands",
    }
    told = {name: _asked(bench, topic, deadline) for name, topic in topics.items()}
    words = {"own_all": "#", "own_commands": "commands", "own_config": "config"}
    said = [f"{words.get(name, 'of another device')} {came}" for name, came in told.items()]
    return Told(", ".join(said), dict(told))


def _asked(bench: Bench, topic: str, deadline: Deadline) -> str:
    deadline.check()
    # A session for each: a broker may end the one that asks too much.
    with bench.connected() as session:
        return session.subscribe(topic)
