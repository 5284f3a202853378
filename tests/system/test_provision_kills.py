"""A few kills of the real command; the long form is a suite of its own, with the same code."""

import random

import pytest
from killreal import kill_for_real


@pytest.mark.timeout(300)
def test_killed_by_the_system_the_same_command_ends_with_one_working_device_each(tmp_path):
    killed, wrong = kill_for_real(tmp_path / "real", random.Random(), 4)
    assert wrong == []
    assert killed >= 4
