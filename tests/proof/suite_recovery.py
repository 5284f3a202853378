"""Boards whose code, settings or sensors are broken, with power cuts, brown-outs and panics in
between, at random: each ends online and reporting within its limit.

Real parts: the virtual board, the sandbox, its broker. The planted fault is a board that does not
count its starts.
"""

import json
import random
import sys
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "system")]

from recovery_rig import driver, made  # noqa: E402

NAME = "recovery"
SECONDS = 100
LIMIT_S = 600
CASES = 6
# Of the board's own time: its watchdog counts so many times as fast.
HASTE = 6
# From the last disturbance on, in the time of this machine. The watchdog bites within 10 s.
LIMITS_S = {"code": 45, "settings": 30, "stall": 60, "crash": 60}
PLANTED_S = 12


def run(seed, scale, scratch):
    chance = random.Random(seed)
    kinds = [*LIMITS_S] * 2
    chance.shuffle(kinds)
    notes = []
    count = max(1, round(CASES * scale))
    with made(scratch) as here:
        for number, kind in enumerate(kinds[:count]):
            try:
                with here.case() as case:
                    _go_through(case, kind, chance)
            except Exception as exc:
                notes.append(f"seed {seed}, case {number}, {kind}: {str(exc)[:300]}")
        caught = _planted(here)
    return {
        "tried": count,
        "failed": len(notes),
        "planted_caught": caught,
        "notes": notes[:10],
    }


def _go_through(case, kind, chance):
    _break(case, kind, chance)
    case.control({"watchdog_haste": HASTE})
    case.reset()
    for _ in range(chance.randint(1, 4)):
        time.sleep(chance.uniform(0, 3))
        _disturb(case, chance.choice(("cut", "brown-out", "panic")))
    end_s = time.monotonic() + LIMITS_S[kind]
    _wait_online(case, kind, end_s)


def _wait_online(case, kind, end_s):
    """Wait for what tells of the trouble: safe mode, other settings, or readings as before."""
    before, events = case.readings(), len(case.events())
    while True:
        if kind != "stall":
            sign = {"by"} if kind == "settings" else {"crash", "starts"}
            if any(sign <= set(one) for one in case.events()[events:]):
                return
        elif case.readings() >= before + 5:
            return
        if time.monotonic() > end_s:
            raise AssertionError(f"not online in time: {case.events()[-5:]}")
        time.sleep(0.2)


def _disturb(case, what):
    if what == "panic":
        case.control({"panic": True})
    elif what == "brown-out":
        case.control({"power": "brown-out"})
    else:
        case.control({"power": "cut"})
        case.control({"power": "on"})


def _break(case, kind, chance):
    if kind == "code":
        path = chance.choice(("__init__", "wiring", "config"))
        case.write(f"/lib/firmware/{path}.mpy", chance.randbytes(300))
    elif kind == "settings":
        case.write("/config.last", chance.choice((b"", b"{}")))
        case.run_on(
            "import esp32; n = esp32.NVS('ways')\n"
            "import json; c = json.load(open('/config.json'))\n"
            "n.set_blob('broker', '%s:%d' % (c['mqtt_host'], c['mqtt_port'])); n.commit()"
        )
        bad = {"interval_s": 1, "mqtt_host": 7, "window": chance.choice((0, "many", None))}
        case.write("/config.json", json.dumps(bad))
    else:
        act = "while True: pass" if kind == "stall" else "raise SystemExit"
        case.give_driver(driver(act, chance.randint(0, 2)))


def _planted(here):
    """Whether a board that does not count its starts is seen to stay away."""
    with here.case() as case:
        case.write("/lib/firmware/__init__.mpy", b"junk")
        # What the board has is packed: its variables have other names.
        parts = case.run_on("print(open('/boot.py').read())").split("+= 1")
        assert len(parts) == 2, "boot.py has changed: where are the starts counted?"
        case.write("/boot.py", "+= 0".join(parts))
        case.reset()
        try:
            _wait_online(case, "code", time.monotonic() + PLANTED_S)
        except AssertionError:
            return True
        return False
