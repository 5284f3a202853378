"""A day of the whole agent, with a broker that comes and goes and a clock that falls.

The heap is as full at the end of each hour, there are as many tasks and open files, and each
reading reaches the broker with its time or without one. A list that grows and a message that is
lost have to be found.
"""

from pathlib import Path

from driver import Sum, programs

SECONDS = 60
HOURS = 24
# A plant needs hours to be compared, and messages to be lost.
LEAST_HOURS = 6


def run(seed: int, scale: float, scratch: Path) -> dict[str, object]:
    total = Sum()
    hours = max(LEAST_HOURS, round(HOURS * scale))
    for number, program in enumerate(programs()):
        for plant, length in (("-", hours), ("leak", LEAST_HOURS), ("loss", LEAST_HOURS)):
            folder = scratch / f"{number}{plant}"
            folder.mkdir(parents=True)
            answer = total.add(program, "day", folder, length, plant, seed, heap="800k")
            if plant == "-" and "drift" in answer:
                total.notes.append(
                    f"{length} h: heap within {answer['drift']} bytes, "
                    f"{answer['duplicates']} duplicates"
                )
    return total.result()
