"""The short form of the power cuts: every operation of one story each, some of them twice."""

import sys

sys.path.append("tests/proof/device")

import powercut

HEAP_KB = 4000


def run(name, seed, nested=40):
    tried, failures, again = powercut.sweep(name, seed, 10**6, nested)
    assert tried > 100 and not failures, failures
    assert again > 20 or not nested
    print(name, tried, again)


def test_groups_that_grow_the_log_survive_a_cut_anywhere():
    run("grow", 1)


def test_a_drain_survives_a_cut_anywhere():
    run("drain", 2)


def test_a_log_that_drops_survives_a_cut_anywhere_and_its_report_is_exact():
    run("full", 3)


def test_a_replaced_file_is_old_or_new_after_a_cut_anywhere():
    tried, failures, _ = powercut.replacements(4)
    assert tried > 100 and not failures, failures


def test_these_checks_see_a_reading_that_is_not_there_and_a_file_that_is_torn():
    assert powercut.sweep("grow", 1, 10**6, 0, planted=True)[1]
    assert powercut.replacements(4, planted=True)[1]
