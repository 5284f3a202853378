"""A sleeper through 1,200 cycles with random cuts, resets, damage of RTC memory and outages.

Each reading is delivered, or it is one that a power cut may take, or its loss is told; none comes
more often than the cuts explain; no wake is longer than its limit. A reading that a wake forgets
and one that is sent though it was acknowledged have to be found.
"""

from pathlib import Path

from driver import Sum, programs

SECONDS = 60
CYCLES = 200
STORIES = 6
# What is planted comes to light within so many.
PLANTED = 60


def run(seed: int, scale: float, scratch: Path) -> dict[str, object]:
    total = Sum()
    tools = programs()
    for number in range(max(len(tools), round(STORIES * scale))):
        program = tools[number % len(tools)]
        answer = total.add(program, "sleep", seed + number, CYCLES, "-", heap="32m")
        total.notes.append(f"seed {seed + number}, {CYCLES} cycles: {answer.get('told')}")
    for program in tools:
        for plant in ("loss", "again"):
            total.add(program, "sleep", seed, PLANTED, plant, heap="32m")
    return total.result()
