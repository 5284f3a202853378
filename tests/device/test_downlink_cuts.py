"""The short form of the power cuts in commands: one story, cut in each of its first operations."""

import sys

sys.path.append("tests/proof/device")

import command_cuts

HEAP_KB = 8000


def test_a_cut_anywhere_costs_no_answer_and_acts_on_nothing_twice():
    tried, failures = command_cuts.sweep(3, 60)
    assert tried > 30 and not failures, failures


def test_these_checks_see_answers_that_are_forgotten():
    assert command_cuts.sweep(3, 120, planted=True)[1]
