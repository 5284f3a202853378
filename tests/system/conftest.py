"""What several files of these tests begin with."""

import pytest
from codedflash import coded_world
from realparts import platform


@pytest.fixture(scope="module")
def shared_sandbox(tmp_path_factory):
    """A running sandbox, for all tests of a file."""
    with platform(tmp_path_factory.mktemp("sandbox")) as made:
        yield made


@pytest.fixture
def deployed(shared_sandbox, tmp_path):
    """A board that holds the agent's code, and an account without anything."""
    with coded_world(tmp_path, at=shared_sandbox) as made:
        yield made
