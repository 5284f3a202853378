"""What a start does to flash, and what brown-outs do to readings."""

import random

import pytest
from recovery_rig import made, storm

QUIET_MS = 10_000


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    with made(tmp_path_factory.mktemp("flash"), "--set", "flush_after_s=5") as ready:
        yield ready


def early(start):
    return [what for at_ms, what in start if at_ms < QUIET_MS]


def show(case):
    for start in case.wear():
        print(start)


def test_a_normal_start(here):
    import time
    with here.case() as case:
        case.wait_until_reporting()
        case.record_wear()
        case.cut_power()
        time.sleep(25)
        case.reset()
        time.sleep(25)
        show(case)
    with here.case() as case:
        case.record_wear()
        case.write("/lib/firmware/__init__.py", "raise KeyError")
        case.reset()
        case.event("safe_mode")
        time.sleep(2)
        show(case)
    with here.case() as case:
        case.record_wear()
        case.write("/json.py", "raise KeyError")
        case.reset()
        case.event("safe_mode")
        time.sleep(2)
        show(case)
