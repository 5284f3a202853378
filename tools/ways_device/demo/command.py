"""What `ways-device demo` plays: provision, watch, take the broker away, bring it back, count."""

import json
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from ways_device.demo import stage
from ways_device.demo.account import Taken, Verdict, judge
from ways_device.demo.show import Moment, Show
from ways_device.demo.viewer import Viewer
from ways_device.sandboxinfo import load
from ways_device.vboard.world import DEFAULT_PASSWORD, DEFAULT_SSID

_INTERVAL_S = 1
_BATTERY_PIN = 34
_WINDOW = 16
_LOOK_S = 0.2
# How long the last readings may take to arrive once the show is over.
_ARRIVE_S = 15.0
_SENSORS = ("simulated:key=temperature", "internal_temperature:key=chip_temperature")


def demo(seconds: float, folder: Path | None, console: Console) -> bool:
    """Play for this many seconds; return True if every reading arrived.

    folder keeps what the programs leave there, None: nothing is kept. Raises ToolError if the
    play could not begin or was broken off.
    """
    with ExitStack() as stack:
        if folder is None:
            made = tempfile.TemporaryDirectory(prefix="ways-demo-", ignore_cleanup_errors=True)
            folder = Path(stack.enter_context(made))
        folder.mkdir(parents=True, exist_ok=True)
        console.print("starting a platform on this computer: its REST API, a real MQTT broker")
        stack.enter_context(
            stage.program("sandbox", folder, "--state", str(folder / "state"), "--port", "0")
        )
        console.print("starting a virtual ESP32: its flash, its reset button, its serial port")
        board = stack.enter_context(
            stage.program("vboard", folder, "--dir", str(folder / "board"))
        )
        console.print(f"making the board at {board['port']} a device:")
        record = stage.provision(
            folder, folder / "sandbox.json", board["port"], *_options(_wifi_file(folder))
        )
        platform = stack.enter_context(Viewer(load(folder / "sandbox.json"), record))
        taken = stack.enter_context(Taken(board["port"]))
        with Show(console) as show:
            _watch(seconds, platform, taken, show)
        verdict = _settle(platform, taken)
    console.print(str(verdict))
    return verdict.holds(duplicates_allowed=_WINDOW)


def _wifi_file(folder: Path) -> Path:
    path = folder / "wifi.json"
    path.touch(mode=0o600)
    network = {"ssid": DEFAULT_SSID, "password": DEFAULT_PASSWORD, "priority": 0}
    path.write_text(json.dumps([network]), "utf-8")
    return path


def _options(wifi_file: Path) -> list[str]:
    options = ["--name", "Demo sensor", "--interval", str(_INTERVAL_S), "--log-level", "D"]
    options += ["--wifi-file", str(wifi_file)]
    for sensor in _SENSORS:
        options += ["--sensor", sensor]
    for setting in (f"battery_pin={_BATTERY_PIN}", f"window={_WINDOW}", "retry_max_ms=2000"):
        options += ["--set", setting]
    return options


def _watch(seconds: float, platform: Viewer, taken: Taken, show: Show) -> None:
    """Show the platform's view; for a fifth of the time, in the middle, there is no broker."""
    start_s = time.monotonic()
    away = seconds * 0.4, seconds * 0.4 + max(2.0, seconds / 5)
    is_up = True
    while (elapsed_s := time.monotonic() - start_s) < seconds:
        if is_up != (not away[0] <= elapsed_s < away[1]):
            is_up = not is_up
            platform.broker("start" if is_up else "stop")
            show.say("the broker is back" if is_up else "the broker goes away")
        show.tell(_moment(elapsed_s, is_up, platform, taken))
        time.sleep(_LOOK_S)
    if not is_up:
        platform.broker("start")


def _moment(elapsed_s: float, is_up: bool, platform: Viewer, taken: Taken) -> Moment:
    device, boots = platform.device(), platform.ledger()["boots"]
    last = boots[-1] if boots else None
    heard_s = taken.heard_s(last["boot"], last["highest_seq"]) if last else None
    return Moment(
        elapsed_s=elapsed_s,
        broker="up" if is_up else "down",
        online=device.get("is_online"),
        taken=taken.count(),
        delivered=sum(row["delivered"] for row in boots),
        duplicates=sum(row["duplicates"] for row in boots),
        values={row["name"]: f"{row['value']} {row['unit']}" for row in platform.latest()},
        battery_pct=device.get("battery_level"),
        rssi_dbm=device.get("signal_strength"),
        latency_s=platform.latency_s(last, heard_s),
    )


def _settle(platform: Viewer, taken: Taken) -> Verdict:
    """Judge what the board has taken by now, when it has arrived or its time is over."""
    highest = taken.highest
    end_s = time.monotonic() + _ARRIVE_S
    while True:
        # In this order: rows that come in between cannot count as too many.
        rows = platform.rows()
        verdict = judge(highest, platform.ledger(), rows)
        if verdict.delivered >= verdict.taken or time.monotonic() > end_s:
            return verdict
        time.sleep(_LOOK_S)
