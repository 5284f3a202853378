"""What this chip and its MicroPython are, and the memory that the packed agent leaves."""

import pytest
from chip_rig import NO_AGENT

pytestmark = [pytest.mark.hardware, pytest.mark.timeout(120)]

OLDEST = 1.25
# Below that a session with its buffers does not fit beside the agent's tasks (assumed).
HEAP_FREE_BYTES = 16 * 1024
# TLS takes its input buffer of 16 KB in one piece from what MicroPython leaves to ESP-IDF.
IDF_LARGEST_BYTES = 20 * 1024


def test_the_port_is_one_that_the_agent_runs_on(held, results):
    """Only a chip tells what its image is: port, version, bytecode."""
    assert (held.facts.platform, held.facts.name) == ("esp32", "micropython")
    major, minor = held.facts.version[:2]
    results.judge("MicroPython version", float(f"{major}.{minor:02}"), "", at_least=OLDEST)
    assert held.facts.bytecode == 6


def test_memory_is_left_once_the_agent_is_loaded(held, results):
    """Only a chip tells what the port, its radio and ESP-IDF leave to the agent."""
    if not held.has_agent():
        pytest.skip(NO_AGENT)
    (found,) = held.ask("facts")
    results.told("heap free before the agent is loaded", found["before_bytes"], "B")
    free, largest = found["after_bytes"], found["largest_bytes"]
    results.judge("heap free with the agent loaded", free, "B", at_least=HEAP_FREE_BYTES)
    results.judge("largest block of ESP-IDF", largest, "B", at_least=IDF_LARGEST_BYTES)
