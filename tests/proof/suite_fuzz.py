"""A million hostile packets: every type, in every state of the session.

Most go straight into the link and the window, the others through a running session. What the
session does with them is compared, effect by effect, with a second reading of the standard.
"""

from pathlib import Path

from driver import Sum, programs

SECONDS = 60
FULL = 1_000_000
CHUNK = 100_000
# One part of these; it takes longer for each packet.
WHOLE = 4
# A heap that none of the lengths fits that a packet may claim.
HEAP = "1m"
STATES = ("login", "idle", "window", "subscribing", "large", "resumed")


def run(seed: int, scale: float, _scratch: Path) -> dict[str, object]:
    total = Sum()
    interpreters = programs()
    cells = [[0] * 16 for _ in STATES]
    step = 0
    while total.tried < FULL * scale and not total.failed:
        form = "whole" if step % WHOLE == WHOLE - 1 else "direct"
        packets = min(CHUNK, max(200, int(FULL * scale / WHOLE)))
        program = interpreters[(step + step // WHOLE) % len(interpreters)]
        answer = total.add(program, "session_fuzz", form, packets, seed + step, heap=HEAP)
        for state, row in enumerate(answer.get("cells", [])):
            cells[state] = [sum(pair) for pair in zip(cells[state], row, strict=True)]
        step += 1
    least = min(min(row) for row in cells)
    total.notes.append(f"at least {least} packets of each type in each state")
    if not least:
        total.failed += 1
    return total.result()
