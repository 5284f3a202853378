"""The short form of the fuzzing: some thousand hostile packets, the same ones each time."""

import random
import sys

sys.path.append("tests/proof/device")

import session_fuzz

HEAP_KB = 512


def fuzzed(sweep, packets):
    random.seed(1)
    counts = session_fuzz.Counts()
    sweep(packets, counts)
    assert not counts.failed, counts.failures
    return counts


def test_packets_that_other_clients_took_wrongly_end_the_link_or_do_not():
    counts = session_fuzz.Counts()
    session_fuzz.corpus(counts)
    assert counts.tried > 40 and not counts.failed, counts.failures


def test_hostile_packets_in_every_state_have_the_effects_that_the_standard_gives_them():
    counts = fuzzed(session_fuzz.direct, 6_000)
    assert min([min(cells) for cells in counts.cells]) > 10, counts.cells


def test_a_running_session_gets_over_hostile_packets():
    from fuzz_whole import sweep

    fuzzed(sweep, 4_000)


def test_a_parser_that_is_not_strict_is_found_out():
    random.seed(1)
    assert session_fuzz.planted(session_fuzz.direct, 20_000)
