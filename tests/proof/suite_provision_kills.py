"""Provisioning killed at every moment that reaches the outside, and run again until it is done.

In memory: before and after each request, each step of writing the journal and each action on the
board, in 13 stories (a new board, one that was a device before, answers lost, late, cut, too
short or replaced by a gateway's page), by a kill and by Ctrl-C; the runs that follow killed as
well; over networks that spoil half of all requests; the answer to the registration cut at every
byte. For real: the command with mpremote on virtual boards against a sandbox, ended by SIGKILL.
Each time the same command again must end with one device on the platform, a board that can log
in, and no password left.

The planted faults: a journal that is written after the registration instead of before, one that
forgets the login it was given, one that is written in place, a client that sends a registration
twice, and a tool that does not clean up after a killed run.
"""

import multiprocessing
import random
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "system")]

import killpoints  # noqa: E402
from killplants import PLANTS, caught  # noqa: E402
from killreal import kill_for_real  # noqa: E402

NAME = "provision_kills"
SECONDS = 200
LIMIT_S = 600
# Pairs and networks beside the single kills and the cuts, which are all tried.
PAIRS = 350
STORMS = 250
REAL_KILLS = 50
# Ctrl-C in each story.
INTERRUPTS = 15
WORKERS = 2


def run(seed: int, scale: float, scratch: Path) -> dict[str, object]:
    chance = random.Random(seed)
    killpoints.agent()
    found = cases(scratch, chance)
    if scale < 1:
        found = chance.sample(found, max(20, round(len(found) * scale)))
    killpoints.cases[:] = found
    tried, wrong = 0, []
    with multiprocessing.get_context("fork").Pool(WORKERS) as pool:
        jobs = [(scratch, number) for number in range(len(found))]
        for killed, complaints in pool.imap_unordered(killpoints.try_case, jobs, chunksize=8):
            tried += killed
            wrong += complaints
        planted = pool.starmap(caught, [(scratch / f"plant {name}", name) for name in PLANTS], 1)
    killpoints.clean()
    kills = max(2, round(REAL_KILLS * scale))
    killed, complaints = kill_for_real(scratch / "real", chance, kills)
    wrong += complaints
    missed = [name for name, seen in zip(PLANTS, planted, strict=True) if not seen]
    return {
        "tried": tried + killed,
        "failed": len(wrong),
        "planted_caught": not missed,
        "notes": [*wrong, *(f"planted and not caught: {name}" for name in missed)],
    }


def cases(scratch: Path, chance: random.Random) -> list[killpoints.Case]:
    """Return what happens, and at which contacts the runs are killed, of all that is tried."""
    found: list[killpoints.Case] = []
    lengths = {}
    for workload in killpoints.WORKLOADS:
        folder = scratch / "whole" / workload.name
        folder.mkdir(parents=True)
        lengths[workload.name] = killpoints.contacts(folder, workload)
        moments = range(1, lengths[workload.name] + 1)
        found += [(workload, (at,)) for at in moments]
        found += [(workload, (-at,)) for at in chance.sample(moments, INTERRUPTS)]
    for _ in range(PAIRS):
        workload = chance.choice(killpoints.WORKLOADS)
        end = lengths[workload.name]
        found.append((workload, tuple(chance.randint(1, end) for _ in range(2))))
    for workload in killpoints.cut_everywhere():
        # Killed soon after the registration.
        found.append((workload, (chance.randint(35, 85),)))
    for number in range(STORMS):
        faults = killpoints.weather(chance.randrange(1 << 30))
        workload = killpoints.Workload(f"storm {number}", faults=faults)
        found.append((workload, tuple(chance.randint(20, 150) for _ in range(2))))
    return found
