"""A thousand devices through a platform that goes wrong half of the time, and eight real boards.

First 1,000 boards below the board's interface, eight at a time: of every hundred requests 20 are
answered 429 with Retry-After of all kinds, 10 with a 5xx that may or may not have been carried
out, 5 each hang, break off, bring half a document, or are done without an answer. All boards must
work, none of the platform's devices may be without its board, and the requests be no more than
2.5 times those of a platform without faults. Then eight virtual boards with real mpremote at a
real sandbox that has a plan of faults. The planted fault is a platform client that sends a
registration again when its answer got lost.
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests")]

from fleet_faults import RUNS, Careless, faulty, requests_per_device  # noqa: E402
from fleet_real import real_fleet  # noqa: E402

from ways_device.fleet.client import FleetPlatform  # noqa: E402

NAME = "fleet"
SECONDS = 110
LIMIT_S = 600
DEVICES = 1000
PLANTED = 60
REQUESTS_PER_IDEAL = 2.5
REAL_BOARDS = 8
FAULTS = {
    "http": [
        {"fault": "status", "status": 429, "retry_after": 1, "probability": 0.1},
        {"fault": "status", "status": [500, 502, 503], "probability": 0.15},
        {
            "fault": "status",
            "status": 504,
            "carried_out": True,
            "method": "POST",
            "probability": 0.2,
        },
        {"fault": "lost", "probability": 0.12},
        {"fault": "cut", "at_byte": 40, "probability": 0.1},
        {"fault": "malformed", "method": "GET", "probability": 0.1},
        {"fault": "delay", "delay_s": 0.5, "probability": 0.05},
    ]
}


def run(seed, scale, scratch):
    count = max(20, round(DEVICES * scale))
    ideal = requests_per_device(scratch / "ideal", min(count, 100))
    failed, requests, runs = faulty(scratch / "faulty", count, seed, FleetPlatform)
    ratio = requests / (ideal * count)
    if ratio > REQUESTS_PER_IDEAL:
        failed.append(f"{ratio:.2f} requests for each that is needed")
    planted, _, _ = faulty(scratch / "planted", PLANTED, seed, Careless)
    boards = max(2, round(REAL_BOARDS * scale))
    trouble, took_s = real(scratch / "real", boards, seed)
    return {
        "tried": count + boards,
        "failed": len(failed) + len(trouble),
        "planted_caught": bool(planted),
        "notes": [
            f"{ratio:.2f} requests for each that is needed, {runs} runs",
            f"{boards} real boards in {took_s:.0f} s",
            *failed[:8],
            *trouble,
        ],
    }


def real(folder, count, seed):
    """Provision virtual boards at a sandbox. Returns what is wrong, and how long it took."""
    plan = folder.with_suffix(".json")
    plan.write_text(json.dumps({"seed": seed, **FAULTS}))
    took_s = 0.0
    with real_fleet(folder, count, "--faults", str(plan)) as fleet:
        for _ in range(RUNS):
            done, seconds = fleet.provision()
            took_s += seconds
            if done.returncode == 0:
                break
        trouble = [] if done.returncode == 0 else done.stderr.splitlines()[-8:]
        return [*trouble, *fleet.wrong()], took_s
