"""What the checklist found, as a file that can be sent in."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Line:
    """One figure with its verdict: ok, missed, told (it has no limit), failed or skipped."""

    name: str
    verdict: str
    figure: Any = None
    unit: str = ""
    limit: str = ""
    why: str = ""


@dataclass
class Results:
    """All of them, and the board they are of. It holds no id, login or network of the user."""

    is_short: bool
    board: dict[str, Any] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)

    def told(self, name: str, figure: Any, unit: str = "") -> None:
        """Note a figure that has no limit."""
        self.lines.append(Line(name, "told", figure, unit))

    def judge(
        self,
        name: str,
        figure: float | None,
        unit: str,
        at_most: float | None = None,
        at_least: float | None = None,
    ) -> None:
        """Note a figure, then assert that it keeps its limits."""
        limits = [f">= {at_least}"] * (at_least is not None)
        limits += [f"<= {at_most}"] * (at_most is not None)
        limit = " and ".join(limits)
        holds = figure is not None
        holds = holds and (at_least is None or figure >= at_least)
        holds = holds and (at_most is None or figure <= at_most)
        self.lines.append(Line(name, "ok" if holds else "missed", figure, unit, limit))
        assert holds, f"{name} is {figure} {unit}, not {limit}"

    def ended(self, name: str, verdict: str, why: str) -> None:
        """Note a check that was skipped or failed."""
        self.lines.append(Line(name, verdict, why=why))

    def write(self, path: Path) -> None:
        """Put the file in place as a whole."""
        found = {"board": self.board, "short": self.is_short}
        found["checks"] = [asdict(line) for line in self.lines]
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(path.name + ".new")
        new.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
        os.replace(new, path)
