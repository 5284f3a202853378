"""What a start does to flash, and what brown-outs do to readings."""

import random

import pytest
from recovery_rig import Dips, driver, made

# In the first moments of a start flash is left alone: it may be one of many.
QUIET_MS = 10_000
BROWN_OUTS = 10
MOST_S = 2


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    with made(tmp_path_factory.mktemp("flash")) as ready:
        yield ready


def early(start):
    return [what for at_ms, what in start if at_ms < QUIET_MS]


def test_a_power_on_writes_its_number_and_a_planned_start_nothing_at_first(here):
    with here.case() as case:
        case.record_wear()
        case.cut_power()
        case.until(
            lambda: any(at > QUIET_MS for start in case.wear() for at, _ in start),
            "writing at all",
        )
        assert early(case.wear()[-1]) == ["commit"]
        # By no command: a start that was ordered by one writes that it has been carried out.
        case.run_on("pass")
        case.reset()
        case.event("started", cause="planned")
        before = case.readings()
        # One a second.
        case.until(lambda: case.readings() > before + QUIET_MS // 1000, "readings")
        assert early(case.wear()[-1]) == []


def test_starts_that_fail_write_their_count_and_what_failed_once(here):
    with here.case() as case:
        case.write("/lib/firmware/__init__.py", "raise KeyError")
        case.record_wear()
        case.reset()
        case.event("safe_mode")
        starts = case.wear()
        first = next(number for number, start in enumerate(starts) if start)
        # The first one has not been counted when it fails; what failed is not written again.
        assert [early(start) for start in starts[first : first + 7]] == [["commit"]] * 7


def test_an_agent_that_fails_over_and_over_erases_two_blocks_a_start_at_most(here):
    with here.case() as case:
        case.give_driver(driver("raise SystemExit"))
        case.record_wear()
        case.reset()
        case.event("safe_mode", 90)
        starts = [start for start in case.wear() if start]
        assert len(starts) >= 6
        for start in starts:
            assert [what for _, what in start].count("erase") <= 2, starts
            assert [what for _, what in start].count("commit") <= 2, starts


def test_brown_outs_at_any_moment_cost_no_reading_that_was_kept_and_no_flash(tmp_path):
    with made(tmp_path, "--set", "flush_after_s=5") as here, here.case() as case:
        dips = Dips(case)
        dips.fall(random.Random(5), BROWN_OUTS, MOST_S)
        dips.check()
