"""`battery-life`: how long a battery lasts, computed."""

import json
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from ways_device.batterylife.budget import SECONDS, Budget, Plan, budget
from ways_device.batterylife.figures import BOARDS, BOOSTER_PCT, CELLS, Figure
from ways_device.commands import options
from ways_device.commands.columns import aligned
from ways_device.errors import UsageError
from ways_device.secrets import one_line

app = typer.Typer()

_HONEST = "computed from data sheets and others' measurements; not measured on this code"
_WIDTH = 80
_OLD_DAYS = 3650
_MAX_S = 600
# As in the table of the agent's settings.
_RANGES = {
    "interval_s": (1, 86_400),
    "connect_every": (0, 1000),
    "awake_limit_s": (10, 600),
}


@app.command("battery-life")
def battery_life(
    board: Annotated[str, typer.Option(help=f"One of {', '.join(BOARDS)}.")] = "esp32-devkit",
    *,
    chemistry: Annotated[
        str | None, typer.Option(help=f"One of {', '.join(CELLS)}.  [default: li-ion]")
    ] = None,
    battery_mah: Annotated[
        float | None,
        typer.Option(min=1, max=1_000_000, help="Its capacity, of one cell in a row."),
    ] = None,
    interval: Annotated[
        int | None, typer.Option(min=1, max=86_400, help="Seconds per reading.  [default: 900]")
    ] = None,
    connect_every: Annotated[
        int | None,
        typer.Option(min=0, max=1000, help="Readings per login; 0 = always on.  [default: 1]"),
    ] = None,
    settings: Annotated[
        Path | None, typer.Option(help="A device's config.json, for what is not given here.")
    ] = None,
    join: Annotated[str, typer.Option(help="fast (access point known) or full.")] = "fast",
    sensors_ms: Annotated[
        float | None, typer.Option(min=0, max=600_000, help="For a reading.  [assumed: 100]")
    ] = None,
    sensors_ma: Annotated[
        float | None, typer.Option(min=0, max=1000, help="While they measure.  [assumed: 2]")
    ] = None,
    always_ma: Annotated[
        float | None,
        typer.Option(min=0, max=1000, help="Of all beside the chip.  [default: the board's]"),
    ] = None,
    rtt_ms: Annotated[
        float | None,
        typer.Option(min=0, max=10_000, help="To the broker and back.  [assumed: 50]"),
    ] = None,
    seconds: Annotated[
        list[str] | None,
        typer.Option(help=f"NAME=S, measured, of {', '.join(SECONDS)}; can repeat."),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Compute how long a battery lasts, from stated currents. Nothing is measured.

    For example: ways-device battery-life --board esp32-c3 --interval 300
    """
    asked = _asked(settings, interval, connect_every, chemistry)
    made = BOARDS[_chosen("board", board, BOARDS)]
    if always_ma is not None:
        made = replace(made, always_ma=Figure(always_ma, "as given"))
    cell = CELLS[asked["battery_chemistry"]]
    if battery_mah is not None:
        cell = replace(cell, capacity_mah=Figure(battery_mah, "as given"))
    plan = Plan(
        made,
        cell,
        asked["interval_s"],
        asked["connect_every"],
        _chosen("join", join, ("fast", "full")),
        sensors_ms,
        sensors_ma,
        rtt_ms,
        _measured(seconds or []),
        asked.get("awake_limit_s"),
    )
    record = _record(plan, budget(plan), board, asked["battery_chemistry"])
    if as_json:
        print(json.dumps(record))
    else:
        print("\n".join(_lines(record)))


def _chosen(option: str, value: str, known: Any) -> str:
    if value not in known:
        raise UsageError(f"--{option}: {one_line(value, 40)} is none of {', '.join(known)}")
    return value


def _asked(
    path: Path | None, interval: int | None, connect_every: int | None, chemistry: str | None
) -> dict[str, Any]:
    """Return what holds: the options, then the settings file, then the defaults."""
    found: dict[str, Any] = {"interval_s": 900, "connect_every": 1, "battery_chemistry": "li-ion"}
    if path is not None:
        # What a file leaves out the device takes from its own defaults.
        found |= {"interval_s": 60, "connect_every": 0} | _settings(path)
    given = {
        "interval_s": interval,
        "connect_every": connect_every,
        "battery_chemistry": chemistry,
    }
    found |= {key: value for key, value in given.items() if value is not None}
    _chosen("chemistry", found["battery_chemistry"], CELLS)
    return found


def _settings(path: Path) -> dict[str, Any]:
    from ways_device.boards.judge import settings_text

    values = json.loads(settings_text(path))
    found: dict[str, Any] = {}
    for key, (low, high) in _RANGES.items():
        value = values.get(key, low)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise UsageError(f"{path}: {key}: a whole number from {low} to {high} is expected")
        found |= {key: value} if key in values else {}
    chemistry = values.get("battery_chemistry", "li-ion")
    if not isinstance(chemistry, str):
        raise UsageError(f"{path}: battery_chemistry: one of {', '.join(CELLS)} is expected")
    return {**found, "battery_chemistry": chemistry}


def _measured(pairs: list[str]) -> dict[str, float]:
    found = {}
    for pair in pairs:
        name, _, text = pair.partition("=")
        _chosen("seconds", name, SECONDS)
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value <= _MAX_S:
            raise UsageError(f"--seconds {name}: a number from 0 to {_MAX_S} is expected")
        found[name] = value
    return found


def _record(plan: Plan, told: Budget, board: str, chemistry: str) -> dict[str, Any]:
    return {
        "computed": _HONEST,
        "board": board,
        "chemistry": chemistry,
        "battery_mah": plan.cell.capacity_mah.value,
        "usable_mah": round(told.usable_mah, 1),
        "interval_s": plan.interval_s,
        "connect_every": plan.connect_every,
        "awake_s": round(told.awake_s, 2) or None,
        "booster_factor": round(told.factor, 3),
        "mah_per_day": round(told.mah_per_day, 3),
        "days": round(told.days, 1),
        "most": told.most.name,
        "phases": [
            {
                "phase": phase.name,
                "seconds_per_day": round(phase.seconds, 1),
                "ma": round(phase.ma, 3),
                "mah_per_day": round(phase.mah, 3),
                "share_pct": round(told.share_pct(phase), 1),
                "assumed": phase.is_assumed,
                "sources": list(phase.sources),
            }
            for phase in told.phases
        ],
        "battery_sources": {
            "battery_mah": plan.cell.capacity_mah.source,
            "usable_mah": f"{plan.cell.usable_pct.value:g} %: {plan.cell.usable_pct.source}",
        },
    }


def _lines(record: dict[str, Any]) -> list[str]:
    """Return the budget as text, no line over 80 columns."""
    rows = [["phase", f"{'s/day':>8}", f"{'mA':>8}", f"{'mAh/day':>8}", f"{'share':>7}"]]
    for phase in record["phases"]:
        rows.append([
            phase["phase"] + ("*" if phase["assumed"] else ""),
            f"{phase['seconds_per_day']:8.1f}",
            f"{phase['ma']:8.3f}",
            f"{phase['mah_per_day']:8.3f}",
            f"{phase['share_pct']:5.1f} %",
        ])  # fmt: skip
    if record["connect_every"]:
        habit = f"a login each {record['connect_every']}, awake {record['awake_s']} s for it"
    else:
        habit = "always on"
    lines = [
        f"{record['board']}, {record['chemistry']} {record['battery_mah']:g} mAh, of them "
        f"{record['usable_mah']:g} usable",
        f"a reading each {record['interval_s']} s, {habit}",
        "",
        *aligned(rows),
        "",
        f"{record['days']} days at {record['mah_per_day']} mAh a day; {_most(record)}",
    ]
    if record["booster_factor"] > 1:
        lines.append(
            f"A booster to the board's voltage makes {record['booster_factor']} mA of each "
            f"(assumed: {BOOSTER_PCT} %)."
        )
    if record["days"] > _OLD_DAYS:
        lines.append("Over ten years it is the age of the cell that counts, not this sum.")
    lines += textwrap.wrap(f"This is {_HONEST}. * = assumed in part.", _WIDTH)
    return [*lines, "", "Sources:", *_sources(record)]


def _sources(record: dict[str, Any]) -> list[str]:
    """Return where the numbers are from, each source once."""
    told = [(phase["phase"], phase["sources"]) for phase in record["phases"]]
    battery = record["battery_sources"]
    told += [("capacity", [battery["battery_mah"]]), ("usable", [battery["usable_mah"]])]
    known: set[str] = set()
    lines = []
    for name, sources in told:
        new = [source for source in sources if source not in known]
        known.update(new)
        if new:
            lines += textwrap.wrap(
                f"{name}: {'; '.join(new)}",
                _WIDTH,
                initial_indent="  ",
                subsequent_indent="    ",
                break_on_hyphens=False,
            )
    return lines


def _most(record: dict[str, Any]) -> str:
    most = next(phase for phase in record["phases"] if phase["phase"] == record["most"])
    return f"{most['phase']} takes {most['share_pct']:.0f} % of it"
