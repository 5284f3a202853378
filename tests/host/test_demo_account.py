"""The demo's verdict: a planted loss, drop or double must show in it."""

import pytest

from ways_device.demo.account import Verdict, judge


def ledger(**changes):
    row = {
        "boot": 1, "highest_seq": 29, "delivered": 30, "duplicates": 0, "late": 4,
        "dropped": 0, "volatile": 0, "missing": [],
    }  # fmt: skip
    return {"boots": [row | changes]}


def test_everything_arrived():
    verdict = judge({1: 29}, ledger(duplicates=2), rows=30)
    assert verdict == Verdict(30, 30, 2, 0)
    assert verdict.holds(duplicates_allowed=16)
    assert str(verdict) == (
        "delivered 30 of 30 readings, 0 lost, 2 duplicates on the wire, 0 after dedup"
    )


def test_readings_taken_after_the_moment_do_not_count():
    assert judge({1: 20}, ledger(), rows=30) == Verdict(21, 21, 0, 0)


@pytest.mark.parametrize(
    ("changes", "lost"),
    [
        ({"missing": [[3, 3]], "delivered": 29}, 1),
        ({"missing": [[3, 5], [28, 29]], "delivered": 25}, 5),
        ({"dropped": 2, "delivered": 28}, 2),
        ({"volatile": 1, "delivered": 29}, 1),
        ({"highest_seq": 27, "delivered": 28}, 2),
    ],
)
def test_what_did_not_arrive_is_lost_whatever_the_reason(changes, lost):
    verdict = judge({1: 29}, ledger(**changes), rows=0)
    assert verdict.taken - verdict.delivered == lost
    assert not verdict.holds(duplicates_allowed=16)


def test_a_missing_reading_beyond_the_moment_is_not_held_against_it():
    assert judge({1: 20}, ledger(missing=[[25, 26]]), rows=0).holds(0)


def test_a_boot_that_the_platform_never_heard_of_is_lost():
    assert judge({1: 29, 2: 4}, ledger(), rows=0).delivered == 30


def test_a_row_shown_twice_or_too_many_duplicates_fail():
    assert judge({1: 29}, ledger(), rows=31).extra == 1
    assert not judge({1: 29}, ledger(), rows=31).holds(16)
    assert not judge({1: 29}, ledger(duplicates=17), rows=30).holds(16)


def test_no_reading_at_all_is_no_success():
    assert not judge({}, {"boots": []}, rows=0).holds(16)
