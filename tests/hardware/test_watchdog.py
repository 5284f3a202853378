"""The watchdog: a thread that stands still, alone and within the agent."""

import pytest
from chip_rig import BANNER

pytestmark = [pytest.mark.hardware, pytest.mark.timeout(900)]

TIMEOUT_MS = 3000
GRACE_S = 10
WATCHDOG_S = 60  # the agent's own, as the settings have it
START_S = 60


def test_the_chip_resets_a_thread_that_stands_still(held, results):
    """Only a chip has a watchdog of hardware, and a cause that survives its reset."""
    limit_s = TIMEOUT_MS / 1000 + GRACE_S
    with held.begun("watchdog", {"timeout_ms": TIMEOUT_MS}) as heard:
        _, stalled_s = heard.wait("hardware-check stalls", 30)
        _, back_s = heard.wait(BANNER, limit_s + START_S)
    assert held.cause() == "WDT_RESET"
    took_s = round(back_s - stalled_s, 1)
    results.judge("reset of a stalled thread", took_s, "s", TIMEOUT_MS / 1000 + GRACE_S, 2)


def test_a_sensor_that_stalls_the_agent_costs_one_reset(device, results):
    """Only a chip tells whether the agent's watchdog bites, and the next start knows why."""
    with device.one_more_sensor("hwstall"):
        with device.bench.listening() as heard:
            _, stalled_s = heard.wait("hardware-check stalls", 120)
            _, back_s = heard.wait(r"I agent agent_started ", WATCHDOG_S + GRACE_S + START_S)
        took_s = round(back_s - stalled_s, 1)
        results.judge("agent back after a stall", took_s, "s", WATCHDOG_S + GRACE_S)
        device.wait_readings(2, within_s=START_S)
        starts = device.events("started")
        assert starts and starts[-1]["cause"] == "watchdog", starts
        assert "hwstall" in str(starts[-1].get("sensor")), starts
