"""The live table of a demo, redrawn on a terminal, one line every other second elsewhere."""

import time
from dataclasses import dataclass

from rich.console import Console
from rich.live import Live
from rich.table import Table

_LINE_EVERY_S = 2.0


@dataclass(frozen=True)
class Moment:
    """What there is to see at one moment; None is shown as a dash."""

    elapsed_s: float
    broker: str
    online: bool | None
    taken: int
    delivered: int
    duplicates: int
    values: dict[str, str]
    battery_pct: float | None
    rssi_dbm: float | None
    latency_s: float | None

    def cells(self) -> list[tuple[str, str]]:
        online = {True: "yes", False: "no", None: None}[self.online]
        latency = None if self.latency_s is None else f"{self.latency_s * 1000:.0f} ms"
        return [
            ("time", f"{self.elapsed_s:.0f} s"),
            ("broker", self.broker),
            ("online", online or "-"),
            ("taken", str(self.taken)),
            ("delivered", str(self.delivered)),
            ("duplicates", str(self.duplicates)),
            *self.values.items(),
            ("battery", "-" if self.battery_pct is None else f"{self.battery_pct:.0f} %"),
            ("signal", "-" if self.rssi_dbm is None else f"{self.rssi_dbm:.0f} dBm"),
            ("latency", latency or "-"),
        ]


class Show:
    """Use as a context manager; tell() shows a moment."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._next_s = 0.0

    def __enter__(self) -> "Show":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def say(self, text: str) -> None:
        self._console.print(text)

    def tell(self, moment: Moment) -> None:
        cells = moment.cells()
        if self._live:
            self._live.update(_table(cells), refresh=True)
        elif time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + _LINE_EVERY_S
            line = "  ".join(f"{name} {value}" for name, value in cells)
            self._console.print(line, soft_wrap=True)


def _table(cells: list[tuple[str, str]]) -> Table:
    table = Table(title="as the platform's API tells it")
    for name, _ in cells:
        table.add_column(name, justify="right")
    table.add_row(*(value for _, value in cells))
    return table
