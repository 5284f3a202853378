"""`ways-device probe`: leave nothing of an old run, ask, leave nothing of this one, report."""

import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ways_device import secrets
from ways_device.api.client import Client
from ways_device.context import Place
from ways_device.errors import ApiError, ToolError, UsageError
from ways_device.journal import Journal
from ways_device.probe import report
from ways_device.probe.bench import Bench, Sessions, found_in
from ways_device.probe.finding import QUICK, Deadline, Finding, Pace
from ways_device.probe.made import Made
from ways_device.probe.questions import QUESTIONS, answered
from ways_device.talk import Talk

_STRANGER = "wayscloud_iot_probe_this_is_not_a_key"
_LOCK = "ways-probe"
_DEVICES = 2

WHAT = (
    "The probe makes two devices, up to eleven datapoints and a rule that is off, all named "
    "ways-probe or ways_probe, and deletes them in the end. The devices come and go, so rules for "
    "the whole fleet may raise alarms for them."
)


def questions() -> list[dict[str, str]]:
    """Return what is asked, for who only wants to know."""
    return [{"question": one.key.replace("_", " "), "asks": one.asks} for one in QUESTIONS]


def folder() -> Path:
    """Return where the lists of things that are to be deleted are."""
    return secrets.home() / "probe"


@dataclass(frozen=True)
class Tools:
    """What a probe works with: the account, a caller without a key, the broker's clients."""

    client: Client
    stranger: Client
    sessions: Sessions
    trust: ssl.SSLContext
    pace: Pace


@contextmanager
def opened(where: Place, client: Client, ca_file: Path | None) -> Iterator[Tools]:
    """Make everything ready that can fail before anything is asked. Raises ToolError."""
    trust, sessions = _trust(ca_file), _sessions()
    with closing(Client(where.origin, _STRANGER)) as stranger:
        yield Tools(client, stranger, sessions, trust, QUICK if where.is_sandbox else Pace())


def probe(tools: Tools, talk: Talk) -> dict[str, Any]:
    """Ask everything; return the report. Nothing of it is on the account then.

    Raises ToolError if something could not be deleted: the same command again does that.
    """
    client = tools.client
    with Journal(secrets.home() / "journal").lock(client.origin, _LOCK):
        made = Made(folder(), client.origin)
        _clear_old(client, made, talk)
        _check_room(client)
        bench = Bench(client, tools.stranger, made, tools.sessions, tools.trust, tools.pace)
        with _cleared_up(client, made, talk):
            findings = _ask(bench, talk)
    at = f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
    return report.document(client.origin, at, findings, bench.recorded)


def _ask(bench: Bench, talk: Talk) -> list[Finding]:
    findings = []
    for question in QUESTIONS:
        with talk.step(question.key.replace("_", " ")) as step:
            found = answered(question, bench, Deadline(question.within_s))
            step.say(found.said)
            findings.append(found)
    return findings


def _clear_old(client: Client, made: Made, talk: Talk) -> None:
    if not made.things:
        return
    count = len(made.things)
    with talk.step("deleting what an earlier probe left") as step:
        _must_be_gone(made.clear(client))
        step.say(f"{count} things")


@contextmanager
def _cleared_up(client: Client, made: Made, talk: Talk) -> Iterator[None]:
    """Delete everything at the end of the block, however it ends."""
    try:
        yield
    finally:
        with talk.step("deleting what the probe made"):
            _must_be_gone(made.clear(client))


def _must_be_gone(left: list[str]) -> None:
    if left:
        raise ApiError(
            f"could not delete {'; '.join(left)}; the same command again tries once more"
        )


def _check_room(client: Client) -> None:
    """Raises ToolError if the plan has no room; a platform that does not tell is believed."""
    found = found_in(client.get("subscription"))
    limit, count = found.get("device_limit"), found.get("device_count")
    if isinstance(limit, int) and isinstance(count, int) and limit - count < _DEVICES:
        raise ToolError(
            f"the plan allows {limit} devices and has {count}: the probe needs room for "
            f"{_DEVICES}; delete one you no longer need, or ask for a larger plan"
        )


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    """Return whom to trust about the broker. Raises UsageError."""
    try:
        trust = ssl.create_default_context(cafile=ca_file)
    except (OSError, ValueError) as exc:
        raise UsageError(f"cannot read the CA file {ca_file}: {exc}") from exc
    trust.minimum_version = ssl.TLSVersion.TLSv1_2
    return trust


def _sessions() -> Sessions:
    """Raises ToolError where the MQTT client is not installed."""
    try:
        from ways_device.probe.mqtt import Link
    except ModuleNotFoundError as exc:
        raise ToolError(
            f"the probe needs {exc.name}: install it with pip install 'ways-device[sandbox]'"
        ) from exc
    return Link
