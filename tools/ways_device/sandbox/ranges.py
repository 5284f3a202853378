"""Arithmetic on sets of whole numbers, held as sorted ranges (first, last), both included.

A range costs the same whether it spans ten numbers or four thousand million, so a device cannot
fill the memory with one event.
"""

from collections.abc import Iterable

Range = tuple[int, int]
Ranges = list[Range]


def union(ranges: Iterable[Range]) -> Ranges:
    """Return the ranges sorted, with those that touch made one."""
    joined: Ranges = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return joined


def size(ranges: Ranges) -> int:
    return sum(last - first + 1 for first, last in ranges)


def subtract(ranges: Ranges, holes: Ranges) -> Ranges:
    """Return what of ranges is not in holes. Both must be sorted and disjoint."""
    left: Ranges = []
    at = 0
    for first, last in ranges:
        low = first
        # Holes that end before this range begins are behind us for good.
        while at < len(holes) and holes[at][1] < first:
            at += 1
        here = at
        while here < len(holes) and holes[here][0] <= last:
            if holes[here][0] > low:
                left.append((low, holes[here][0] - 1))
            low = holes[here][1] + 1
            here += 1
        if low <= last:
            left.append((low, last))
    return left


def intersect(ranges: Ranges, others: Ranges) -> Ranges:
    return subtract(ranges, subtract(ranges, others))


def head(ranges: Ranges, count: int) -> Ranges:
    """Return the lowest count numbers of ranges, all of them if there are fewer."""
    taken: Ranges = []
    for first, last in ranges:
        if count <= 0:
            break
        taken.append((first, min(last, first + count - 1)))
        count -= last - first + 1
    return taken
