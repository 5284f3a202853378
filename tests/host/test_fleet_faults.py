"""The short form of the fleet's proof: few boards, a platform that goes wrong half of the time."""

import pytest
from fleet_faults import Careless, faulty, requests_per_device

from ways_device.fleet.client import FleetPlatform


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_all_boards_work_and_nothing_is_left_over(tmp_path, seed):
    wrong, requests, _ = faulty(tmp_path / "faulty", 40, seed, FleetPlatform)
    assert wrong == []
    ideal = requests_per_device(tmp_path / "ideal", 40) * 40
    # The long form has the promise; of so few boards one that is unlucky weighs more.
    assert requests <= 3 * ideal


def test_registration_that_is_sent_again_blindly_is_found_out(tmp_path):
    assert faulty(tmp_path / "planted", 40, 1, Careless)[0]
