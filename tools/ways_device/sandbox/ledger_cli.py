"""`ways-device sandbox ledger`: what became of the readings of one device, or of all."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ways_device.sandbox.asking import INFO_FILE, AsJson, Info, ask

if TYPE_CHECKING:
    from rich.table import Table

# The exit status where readings are missing: none of those that a failed command has.
MISSING = 5
_PAGE = 50
_COLUMNS = {
    "delivered": "delivered",
    "missing": "gaps",
    "duplicates": "dupl.",
    "dropped": "dropped",
    "volatile": "volatile",
    "late": "late",
}
_RANGES_SHOWN = 8
_Device = Annotated[str | None, typer.Argument(help="Its id.  [default: all devices]")]


def ledger(device: _Device = None, sandbox: Info = INFO_FILE, as_json: AsJson = False) -> int:
    """Show what became of the readings: delivered, or what else. Status 5 if any are missing.

    gaps are readings nobody knows anything of, dropped those whose loss the device reported,
    volatile those that a reset or a power cut took from RAM. tail? counts the boots that a power
    cut ended: of the readings after the last one that is known nobody can tell.
    """
    report = _all(sandbox) if device is None else ask(sandbox, "GET", "ledger", device)
    if as_json:
        print(json.dumps(report))
    else:
        _print(report)
    return 0 if report["adds_up"] else MISSING


def _all(sandbox: Path) -> dict[str, Any]:
    """Return the sums of all devices."""
    rows: list[dict[str, Any]] = []
    while True:
        part = ask(sandbox, "GET", "ledger", limit=_PAGE, offset=len(rows))
        rows += part["devices"]
        if not part["has_more"] or not part["devices"]:
            return {"devices": rows, "adds_up": all(row["adds_up"] for row in rows)}


def _print(report: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, markup=False)
    if "devices" in report:
        rows = [(row["device_id"], row) for row in report["devices"]]
        title, none = "device", "no device is registered"
    else:
        rows = [(str(row["boot"]), _counted(row)) for row in report["boots"]]
        title, none = "boot", "no reading that carries boot and seq has arrived"
    if not rows:
        console.print(none)
        return
    console.print(_table(title, rows))
    for boot in report.get("boots", []):
        if boot["missing"]:
            console.print(Text(f"boot {boot['boot']} lacks {_ranges(boot['missing'])}"))
    console.print("everything adds up" if report["adds_up"] else "readings are missing")


def _counted(boot: dict[str, Any]) -> dict[str, Any]:
    """Return the account of a boot as a row of sums."""
    missing = sum(last - first + 1 for first, last in boot["missing"])
    return {**boot, "missing": missing, "adds_up": not missing}


def _table(title: str, rows: list[tuple[str, dict[str, Any]]]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    table.add_column(title, overflow="fold")
    for head in (*_COLUMNS.values(), "tail?", "adds up"):
        table.add_column(head, justify="right", no_wrap=True)
    for name, row in rows:
        counts = [str(row[key]) for key in _COLUMNS]
        verdict = "yes" if row["adds_up"] else "NO"
        table.add_row(Text(name), *counts, str(int(row["tail_unknown"])), verdict)
    return table


def _ranges(ranges: list[list[int]]) -> str:
    shown = [str(a) if a == b else f"{a}-{b}" for a, b in ranges[:_RANGES_SHOWN]]
    more = len(ranges) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
