"""The board's own way to the broker, as it was tried on the board: each answer judged."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from ways_device.doctor import board
from ways_device.doctor.finding import Finding, Place
from ways_device.secrets import one_line

# At most so long between two answers: eight networks are tried for 15 s each, one answer each.
SILENT_S = 60.0
_NETWORK = Place("network")
_WEAK_DBM = -80
_CLOCK_OK_S = 300
_REFUSED = 128
_WIFI = "correct it: ways-device wifi add, or provision again with --wifi-file FILE"
_JOIN = {
    "wrong_password": ("wrong password", _WIFI),
    "no_ap_found": (
        "no such network in reach",
        "check its name (the ESP32 needs 2.4 GHz) and the distance; then ways-device wifi add",
    ),
}
_TLS = {
    "tls:ca": (
        "the broker's certificate is of another authority than the board trusts",
        "run ways-device provision again, with --ca-file FILE if the broker is your own",
    ),
    "tls:name": (
        "the broker's certificate is for another name",
        "use the name that it has: ways-device config set mqtt_host=NAME",
    ),
    "tls:expired": ("the broker's certificate has expired", "renew it on the broker"),
    "tls:clock": (
        "the board's clock is before the broker's certificate begins",
        "let the network reach a time server (UDP 123), or set ntp_hosts",
    ),
    "tcp:ECONNREFUSED": (
        "nothing answers at the broker's port",
        "check mqtt_host and mqtt_port: ways-device config show",
    ),
}
_REACH = "check that the network lets the board out to the broker's TLS port"
_LOGIN = (
    "the device may be deleted, inactive or have a new login: ways-device replace or provision"
)


def topics_of(device_id: str) -> list[str]:
    """Return what a device would subscribe to, and the topic whose message comes back."""
    return [f"devices/{device_id}/{name}" for name in ("events", "commands", "config")]


def arguments(config: dict[str, Any], device_id: str) -> dict[str, Any]:
    """Return what the board's program needs of its settings; defaults are the agent's."""
    return {
        "host": config.get("mqtt_host", ""),
        "port": config.get("mqtt_port", 8883),
        "ntp_hosts": config.get("ntp_hosts", ["pool.ntp.org", "time.google.com"]),
        "dns_servers": config.get("dns_servers", []),
        "topics": topics_of(device_id),
        "echo": topics_of(device_id)[0],
    }


def judged(answers: Sequence[dict[str, Any]], clock_off_s: float) -> list[Finding]:
    """Return a line for each thing that the board tried.

    clock_off_s     how far its clock was from this computer's before
    """
    by_check: dict[str, list[dict[str, Any]]] = {}
    for answer in answers:
        by_check.setdefault(str(answer.get("check")), []).append(answer)
    found = list(_wifi(by_check.get("wifi", [])))
    found += [_dns(answer) for answer in by_check.get("dns", [])]
    if "sntp" in by_check:
        found += _time(by_check["sntp"], by_check.get("dns_time", []), clock_off_s)
    found += [
        judge(answer) for check, judge in _JUDGES.items() for answer in by_check.get(check, [])
    ]
    if "end" not in by_check:
        found.append(_NETWORK.problem("board", "it stopped in the middle", "run this again"))
    return found


def _wifi(answers: Sequence[dict[str, Any]]) -> Iterator[Finding]:
    is_in = any(answer["why"] is None for answer in answers)
    for answer in answers:
        ssid, why = one_line(str(answer["ssid"]), 40), answer["why"]
        if why is None:
            rssi = answer["rssi_dbm"]
            detail = f"{ssid} joined, {rssi} dBm"
            if rssi < _WEAK_DBM:
                todo = "bring board and access point nearer together"
                yield _NETWORK.warning("Wi-Fi", f"{detail}: weak", todo)
            else:
                yield _NETWORK.ok("Wi-Fi", detail)
            continue
        words, todo = _JOIN.get(why, (f"cannot join ({why})", _WIFI))
        judge = _NETWORK.warning if is_in else _NETWORK.problem
        yield judge("Wi-Fi", f"{ssid}: {words}", todo)


def _dns(answer: dict[str, Any]) -> Finding:
    name = answer["name"]
    if answer["why"] is None:
        return _NETWORK.ok("DNS", f"{name} is {answer['address']}, says {answer['server']}")
    servers = ", ".join(answer["servers"])
    todo = "check mqtt_host and dns_servers: ways-device config show"
    return _NETWORK.problem("DNS", f"{name}: {answer['why']} (asked: {servers})", todo)


def _time(
    answers: Sequence[dict[str, Any]], lookups: Sequence[dict[str, Any]], clock_off_s: float
) -> Iterator[Finding]:
    off = f"the board's clock was {abs(clock_off_s):.0f} s off"
    good = [answer["host"] for answer in answers if answer["why"] is None]
    bad = [f"{answer['host']} ({answer['why']})" for answer in answers if answer["why"]]
    why = [f"{one['name']}: {one['why']}" for one in lookups if one["why"]]
    if good:
        note = f"; silent: {', '.join(bad)}" if bad else ""
        yield _NETWORK.ok("time", f"{good[0]} tells it, {off}{note}")
        return
    todo = (
        "let the network reach a time server (UDP 123), or set ntp_hosts: ways-device config set"
    )
    judge = _NETWORK.warning if abs(clock_off_s) < _CLOCK_OK_S else _NETWORK.problem
    if why:
        yield _NETWORK.problem("DNS", f"of the time servers: {'; '.join(why)}", _DNS_REMEDY)
    yield judge("time", f"no time server tells it: {', '.join(bad)}; {off}", todo)


_DNS_REMEDY = "check the network's name server, or set dns_servers: ways-device config set"


def _tls(answer: dict[str, Any]) -> Finding:
    why = answer["why"]
    if why is not None:
        words, todo = _TLS.get(why, (f"the broker cannot be reached ({why})", _REACH))
        return _NETWORK.problem("TLS", words, todo)
    found = board.certificate(answer.get("certificate"))
    if found is None:
        return _NETWORK.ok("TLS", "the broker's chain is verified by the board's CA")
    end = found.not_valid_after_utc
    detail = f"the broker's chain is verified, its certificate is valid until {end:%Y-%m-%d}"
    if end - datetime.now(timezone.utc) < timedelta(days=7):
        return _NETWORK.warning("TLS", detail, "see that it is renewed on the broker in time")
    return _NETWORK.ok("TLS", detail)


def _login(answer: dict[str, Any]) -> Finding:
    code = answer.get("code")
    if code == 0:
        note = "kept its session" if answer.get("resumed") else "has no session of it"
        return _NETWORK.ok("login", f"the broker lets the device in, and {note}")
    why = answer["why"] or f"code {code}"
    return _NETWORK.problem("login", f"the broker refuses the device ({why})", _LOGIN)


def _topics(answer: dict[str, Any]) -> Finding:
    granted = answer.get("granted") or {}
    refused = [topic for topic, qos in granted.items() if qos >= _REFUSED]
    if answer["why"]:
        return _NETWORK.problem("topics", f"no answer to a subscription ({answer['why']})", _REACH)
    if refused:
        todo = "nothing for readings; commands or settings from the platform do not reach it"
        words = f"the broker refuses to subscribe to {', '.join(refused)}"
        return _NETWORK.warning("topics", words, todo)
    return _NETWORK.ok("topics", f"may subscribe to {len(granted)} topics of its own")


def _echo(answer: dict[str, Any]) -> Finding:
    if answer["why"]:
        words = f"the broker does not take its message ({answer['why']})"
        return _NETWORK.problem("publish", words, _LOGIN)
    if answer["came_back"]:
        return _NETWORK.ok("publish", "a message of its own is taken, and came back")
    words = "its message is taken, but did not come back: the broker may have dropped it"
    return _NETWORK.warning("publish", words, "see whether readings arrive: ways-device show")


_JUDGES: dict[str, Callable[[dict[str, Any]], Finding]] = {
    "tcp": _tls,
    "tls": _tls,
    "login": _login,
    "topics": _topics,
    "echo": _echo,
}
