"""The short form of the random troubles of a WLAN, after which the agent has to be connected."""

import sys

sys.path.append("tests/proof/device")

import wifi_schedules

HEAP_KB = 4000


def test_the_agent_ends_connected_after_500_schedules_of_troubles():
    tried, failures, links = wifi_schedules.schedules(0, 500, 7)
    assert tried == 500 and not failures, failures
    assert links > 1000


def test_these_checks_see_an_agent_that_resets_busies_or_is_stuck():
    for plant, words in zip(
        wifi_schedules.PLANTED, ("the radio reset", "connect() while it is", "not connected")
    ):
        _, failures, _ = wifi_schedules.schedules(0, 40, 7, plant)
        assert [failure for failure in failures if words in failure], (plant, failures)
