"""Cells in columns that fit a terminal of 80 columns."""

from collections.abc import Sequence

_GAP = "  "
_WIDTH = 80
_CUT = "..."
_LEAST = 3


def aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    """Return lines of aligned cells, the widest columns cut where they are too wide together.

    The first column is never cut: it names the thing, and the next command needs it whole.
    """
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    if widths[1:]:
        _shrink(widths)
    return [_line(line, widths) for line in lines]


def _shrink(widths: list[int]) -> None:
    """Take from the widest column after the first until all fit or are at their least."""
    while sum(widths) + len(_GAP) * (len(widths) - 1) > _WIDTH:
        widest = max(range(1, len(widths)), key=lambda at: widths[at])
        if widths[widest] <= _LEAST:
            return
        widths[widest] -= 1


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    parts = (f"{_cut(cell, width):{width}}" for cell, width in zip(cells, widths, strict=True))
    return _GAP.join(parts).rstrip()


def _cut(cell: str, width: int) -> str:
    if len(cell) <= width:
        return cell
    kept = width - len(_CUT)
    return cell[:kept] + _CUT if kept > 0 else cell[:width]
