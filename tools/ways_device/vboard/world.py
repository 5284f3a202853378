"""What surrounds the chip: voltages at its pins, and the Wi-Fi network in the air.

A network is described as

    {"ssid": "...", "password": "...", "rssi": -61, "script": [STEP, ...]}

with rssi and script optional. It is up at once; then each step is waited for and done in turn:

    {"after_ms": 2000, "state": "down"}             2 s after the step before (or the command)
    {"after_ms": 3000, "state": "up", "rssi": -80}

A step has after_ms and state or rssi or both. The states are those of STATES.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

DEFAULT_SSID = "ways-sandbox"
DEFAULT_PASSWORD = "ways-sandbox-password"
DEFAULT_RSSI_DBM = -61
# A charged lithium cell behind the usual divider by two.
DEFAULT_ADC_MV = {"34": 1950}

STATES = {
    "up": "it lets those in who have the password",
    "down": "it is not there, and a link that was is lost",
    "wrong_password": "it refuses the password, whatever it is; links stay",
    "association_failed": "it refuses to associate; links stay",
    "handshake_timeout": "it does not finish the handshake; links stay",
}
_MAX_MV = 3300
_MAX_PIN = 39
_MAX_SSID_BYTES = 32
_MAX_PASSWORD_BYTES = 64
_WEAKEST_RSSI_DBM = -120
_MAX_STEPS = 1000


@dataclass(frozen=True)
class Air:
    """The network as it is now; also what the chip is told, as a dict."""

    ssid: str = DEFAULT_SSID
    password: str = DEFAULT_PASSWORD
    state: str = "up"
    rssi: int = DEFAULT_RSSI_DBM


@dataclass(frozen=True)
class Step:
    after_s: float
    changes: dict[str, Any]

    def apply(self, air: Air) -> Air:
        return replace(air, **self.changes)


def parse_adc_mv(value: object) -> dict[str, int]:
    """Check {"pin": mV, ...}. Raises ValueError with one line that says what is wrong."""
    if not isinstance(value, dict) or not value:
        raise ValueError('adc_mv: not an object like {"34": 1800}')
    for pin, mv in value.items():
        if not (isinstance(pin, str) and pin.isdecimal() and int(pin) <= _MAX_PIN):
            raise ValueError(f"adc_mv: pin {pin!r} is not a number from 0 to {_MAX_PIN}")
        if not _is_int(mv, 0, _MAX_MV):
            raise ValueError(f"adc_mv: {mv!r} at pin {pin} is not a number from 0 to {_MAX_MV}")
    return {str(int(pin)): mv for pin, mv in value.items()}


def parse_wlan(value: object) -> tuple[Air, list[Step]]:
    """Check the description of a network. Raises ValueError with one line."""
    if not isinstance(value, dict):
        raise ValueError("wlan: not an object")
    _check_keys("wlan", value, {"ssid", "password", "rssi", "script"})
    air = Air(
        ssid=_text("wlan.ssid", value.get("ssid"), 1, _MAX_SSID_BYTES),
        password=_text("wlan.password", value.get("password"), 0, _MAX_PASSWORD_BYTES),
        rssi=_rssi("wlan.rssi", value.get("rssi", DEFAULT_RSSI_DBM)),
    )
    script = value.get("script", [])
    if not isinstance(script, list) or len(script) > _MAX_STEPS:
        raise ValueError(f"wlan.script: not a list of at most {_MAX_STEPS} steps")
    return air, [_parse_step(f"wlan.script[{n}]", step) for n, step in enumerate(script)]


def _parse_step(where: str, value: object) -> Step:
    if not isinstance(value, dict):
        raise ValueError(f"{where}: not an object")
    _check_keys(where, value, {"after_ms", "state", "rssi"})
    after_ms: Any = value.get("after_ms")
    if not _is_int(after_ms, 0, 1 << 31):
        raise ValueError(f"{where}.after_ms: {after_ms!r} is not a whole number of milliseconds")
    changes = {key: value[key] for key in ("state", "rssi") if key in value}
    if not changes:
        raise ValueError(f"{where}: neither state nor rssi is given")
    if "state" in changes and changes["state"] not in STATES:
        raise ValueError(f"{where}.state: {changes['state']!r} is none of {', '.join(STATES)}")
    if "rssi" in changes:
        _rssi(f"{where}.rssi", changes["rssi"])
    return Step(after_ms / 1000, changes)


def _check_keys(where: str, value: dict[str, Any], known: set[str]) -> None:
    for key in value:
        if key not in known:
            raise ValueError(f"{where}: unknown key {key!r}; known are {', '.join(sorted(known))}")


def _text(where: str, value: object, least: int, most: int) -> str:
    if not isinstance(value, str) or not least <= len(value.encode()) <= most:
        raise ValueError(f"{where}: not a text of {least} to {most} bytes")
    return value


def _rssi(where: str, value: Any) -> int:
    if not _is_int(value, _WEAKEST_RSSI_DBM, 0):
        raise ValueError(f"{where}: {value!r} is not a number from {_WEAKEST_RSSI_DBM} to 0")
    return int(value)


def _is_int(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


class Scheduler(Protocol):
    """The part of loop.Loop that is needed here."""

    def call_later(self, name: str, delay_s: float, call: Callable[[], None]) -> None: ...

    def cancel(self, name: str) -> None: ...


class World:
    """The state of the surroundings; runs the script of the network."""

    def __init__(self, scheduler: Scheduler, on_change: Callable[[], None]) -> None:
        self.adc_mv = dict(DEFAULT_ADC_MV)
        self.air = Air()
        self._script: list[Step] = []
        self._scheduler = scheduler
        self._on_change = on_change

    def set_adc_mv(self, millivolts: dict[str, int]) -> None:
        """Change the pins that are named; the others keep their voltage."""
        self.adc_mv.update(millivolts)
        self._on_change()

    def set_wlan(self, air: Air, script: list[Step]) -> None:
        """Put this network in the place of the one before, and begin its script."""
        self.air = air
        self._script = list(script)
        self._on_change()
        self._wait_for_next_step()

    def _wait_for_next_step(self) -> None:
        if self._script:
            self._scheduler.call_later("wlan", self._script[0].after_s, self._next_step)
        else:
            self._scheduler.cancel("wlan")

    def _next_step(self) -> None:
        self.air = self._script.pop(0).apply(self.air)
        self._on_change()
        self._wait_for_next_step()
