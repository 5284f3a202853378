"""The long form's histories in small: see tests/proof/suite_ledger.py."""

import pytest
from ledger_mutations import try_seeds
from ledger_wrong import WRONG

SEEDS = range(10)


@pytest.mark.parametrize("start", [0, 10, 20, 30])
def test_honest_histories_add_up_and_falsified_ones_do_not(start):
    tried, complaints = try_seeds(range(start, start + 10), steps=60)
    assert not complaints
    assert tried > 30


@pytest.mark.parametrize("kind", WRONG)
def test_a_ledger_that_is_wrong_is_found_out(kind):
    assert try_seeds(SEEDS, kind, steps=60)[1]
