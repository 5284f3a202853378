"""A share of the kills: the long form is a suite of its own, with the same code."""

import random

import killpoints
import pytest
from killplants import PLANTS, caught

SHARE = 9


@pytest.fixture(scope="module", autouse=True)
def _cleaned():
    yield
    killpoints.clean()


@pytest.mark.parametrize("workload", killpoints.WORKLOADS, ids=lambda workload: workload.name)
def test_killed_at_any_moment_the_same_command_ends_well(tmp_path, workload):
    (tmp_path / "whole").mkdir()
    end = killpoints.contacts(tmp_path / "whole", workload)
    assert end > 25
    chance = random.Random(workload.name)
    for at in range(chance.randint(1, SHARE), end + 1, SHARE):
        folder = tmp_path / str(at)
        folder.mkdir()
        kills = (at, chance.randint(1, end)) if chance.random() < 0.3 else (at,)
        killed, complaints = killpoints.attempt(folder, workload, kills)
        assert killed >= 1
        assert complaints == []


@pytest.mark.parametrize("at", range(1, 88, 6))
def test_interrupted_at_any_moment_the_board_is_let_go_and_the_command_ends_well(tmp_path, at):
    assert killpoints.attempt(tmp_path, killpoints.WORKLOADS[0], (-at,)) == (1, [])


def test_answer_to_the_registration_cut_anywhere_leaves_no_orphan(tmp_path):
    for number, workload in enumerate(killpoints.cut_everywhere()[::23]):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert killpoints.attempt(folder, workload, ()) == (0, [])


@pytest.mark.parametrize("seed", range(4))
def test_network_that_spoils_half_of_all_requests_only_takes_longer(tmp_path, seed):
    workload = killpoints.Workload(f"storm {seed}", faults=killpoints.weather(seed))
    assert killpoints.attempt(tmp_path, workload, (60,))[1] == []


@pytest.mark.parametrize("name", PLANTS)
def test_fault_put_in_on_purpose_is_seen(tmp_path, name):
    assert caught(tmp_path, name)
