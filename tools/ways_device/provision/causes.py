"""What a board's log lines mean for the person who is setting it up."""

from dataclasses import dataclass

from ways_device.devicelog import LogLine

# Seen this often, or for this long, a fault that could pass by itself is taken as the cause.
_TIMES = 2
_FAULT_S = 20.0


@dataclass(frozen=True)
class Cause:
    """Why no reading comes. clear: waiting longer cannot help."""

    fact: str
    remedy: str
    clear: bool = False

    def __str__(self) -> str:
        return f"{self.fact}; {self.remedy}"


_AGAIN = "then run the same command again"
_TIME = (
    "let the network reach a time server (UDP 123) or name one with --set ntp_hosts='[\"HOST\"]', "
    + _AGAIN
)
_WIFI_FILE = "correct the Wi-Fi file, " + _AGAIN
_SETTINGS = f"correct them with ways-device config set, {_AGAIN}"
_WIRING = f"check its wires and options (ways-device sensor test), {_AGAIN}"
_LOG = "look at its log: ways-device monitor"
# Without a time server the board still tries the broker, and without one sensor it tells others.
_NO_VERDICT = ("clock", "sampler")
_CA = f"give the right one with --ca-file FILE, {_AGAIN}"

# (module, event, beginning of why, cause); {why}, {ssid} and the like are the line's own.
_CAUSES = (
    ("wifi", "join_failed", "wrong_password", Cause("wrong password for {ssid}", _WIFI_FILE)),
    (
        "wifi",
        "join_failed",
        "no_ap_found",
        Cause(
            "no network {ssid} in reach",
            "check its name in the Wi-Fi file (the ESP32 needs 2.4 GHz) and the distance, "
            + _AGAIN,
        ),
    ),
    ("wifi", "join_failed", "", Cause("cannot join {ssid} ({why})", _WIFI_FILE)),
    (
        "mqtt",
        "session_failed",
        "tls:ca",
        Cause("the broker's certificate is of another authority than the board trusts", _CA, True),
    ),
    (
        "mqtt",
        "session_failed",
        "tls:name",
        Cause(
            "the broker's certificate is for another name",
            f"use the name that it has (--set mqtt_host=NAME) or renew it, {_AGAIN}",
            True,
        ),
    ),
    (
        "mqtt",
        "session_failed",
        "tls:expired",
        Cause("the broker's certificate has expired", f"renew it on the broker, {_AGAIN}", True),
    ),
    (
        "mqtt",
        "session_failed",
        "tls:clock",
        Cause("the board's clock is before the broker's certificate begins", _TIME),
    ),
    (
        "mqtt",
        "session_failed",
        "auth",
        Cause(
            "the broker refuses the device's login",
            "delete the device on the platform, " + _AGAIN,
            True,
        ),
    ),
    (
        "mqtt",
        "session_failed",
        "",
        Cause(
            "the board cannot reach the broker ({why})",
            "check that its network lets it out to the broker's TLS port, " + _AGAIN,
        ),
    ),
    ("clock", "sync_failed", "", Cause("no time server answers ({why})", _TIME)),
    (
        "agent",
        "config_unusable",
        "",
        Cause("the board refuses its settings ({why})", f"change the option, {_AGAIN}", True),
    ),
    (
        "agent",
        "identity_unusable",
        "",
        Cause("the board cannot use its identity ({why})", "run the same command again", True),
    ),
    (
        "agent",
        "config_replaced",
        "",
        Cause("the board cannot use its settings ({why}) and runs with {by}", _SETTINGS),
    ),
    (
        "agent",
        "config_taken_back",
        "",
        Cause("its new settings brought no session, so the board has the former ones", _SETTINGS),
    ),
    ("agent", "task_stuck", "", Cause("the agent's {task} hangs, so the board restarts", _LOG)),
    ("agent", "task_ended", "", Cause("the agent's {task} failed ({why})", _LOG)),
    ("sampler", "sensor_failed", "", Cause("the sensor {sensor} fails ({why})", _WIRING)),
    (
        "sampler",
        "sensor_disabled",
        "",
        Cause(
            "the sensor {sensor} stalled the board and is left alone",
            "look at its driver and its wires, switch the board off and on, " + _AGAIN,
        ),
    ),
    ("store", "log_unusable", "", Cause("the board's flash fails ({why})", _LOG)),
)

# What shows that a kind of fault is over.
_CLEARS = {
    ("sampler", "sensor_recovered"): ("sampler",),
    ("wifi", "link_up"): ("wifi",),
    ("clock", "sync_done"): ("clock",),
    ("mqtt", "session_up"): ("wifi", "clock", "mqtt"),
}


def cause_of(line: LogLine) -> Cause | None:
    """Return what the line means if it tells of a fault, else None."""
    why = line.fields.get("why", "")
    for module, event, beginning, cause in _CAUSES:
        if (line.module, line.event) == (module, event) and why.startswith(beginning):
            words = _Words(line.fields, why=why or "no reason given")
            return Cause(cause.fact.format_map(words), cause.remedy, cause.clear)
    if line.level == "E":
        return Cause(f"the board reports: {line}", _LOG)
    return None


class _Words(dict[str, str]):
    """The fields of a line; one that it has not is told as "it"."""

    def __missing__(self, key: str) -> str:
        return "it"


class Faults:
    """The faults that a board has told of and that are not over."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[Cause, int, float]] = {}
        self.online = False

    def hear(self, line: LogLine, now_s: float) -> None:
        """Take in one log line that arrived at now_s."""
        for module in _CLEARS.get((line.module, line.event), ()):
            self._open.pop(module, None)
        if line.module == "mqtt":
            self.online = line.event == "session_up" or (
                self.online and line.event != "session_failed"
            )
        cause = cause_of(line)
        if cause is not None:
            known, times, since_s = self._open.get(line.module, (cause, 0, now_s))
            if known != cause:
                times, since_s = 0, now_s
            self._open[line.module] = (cause, times + 1, since_s)

    def verdict(self, now_s: float) -> Cause | None:
        """Return the cause that waiting will not cure, or None."""
        for module, (cause, times, since_s) in self._open.items():
            lasting = times >= _TIMES or now_s - since_s > _FAULT_S
            if cause.clear or (lasting and module not in _NO_VERDICT):
                return self._root(cause)
        return None

    def latest(self) -> Cause | None:
        """Return what is wrong at the moment, however lately, or None."""
        causes = [cause for cause, _, _ in self._open.values()]
        return causes[-1] if causes else None

    def _root(self, cause: Cause) -> Cause:
        # A clock that is wrong because no time server answers has both causes.
        clock = self._open.get("clock")
        if clock is None or "clock" not in cause.fact:
            return cause
        return Cause(f"{cause.fact}, and {clock[0].fact}", cause.remedy)
