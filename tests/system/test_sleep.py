"""A sleeper on the virtual board: real deep sleep, real broker, faults between the wakes."""

import re
import time

from realparts import world

from ways_device.devicelog import Listener

EVERY = 2
# Nobody listens there: as good as a network that blocks time servers.
NO_TIME = 'ntp_hosts=["127.0.0.1:9"]'


def wait_line(listener, pattern, times=1, within_s=90):
    """Return the match of that line of the board's log in which the pattern is found this time."""
    end_s = time.monotonic() + within_s
    seen = []
    while time.monotonic() < end_s:
        for line in listener.lines(0.2):
            seen.append(line)
            if found := re.search(pattern, line):
                times -= 1
                if not times:
                    return found
    raise AssertionError(f"no line with {pattern!r} in:\n" + "\n".join(seen[-60:]))


def ledger(real):
    return real.get(f"/sandbox/ledger/{real.device_id}")


def test_a_sleeper_accounts_for_every_reading_over_wakes_with_faults_between(tmp_path):
    slept, delivered = r"agent sleep_began", r"I agent sleep_began"
    with world(tmp_path) as real:
        options = ("--sensor", "simulated:key=room", "--log-level", "D", "--interval", "2")
        quick = ("--set", f"connect_every={EVERY}", "--set", NO_TIME, "--set", "awake_limit_s=20")
        done = real.provision(*options, *quick)
        assert done.returncode == 0, done.stderr
        with Listener(real.board["port"]) as port:
            # Wakes that only sample, and wakes that deliver.
            wait_line(port, slept, times=6)
            real.api.post("/sandbox/broker/stop").raise_for_status()
            wait_line(port, "W agent connect_put_off", times=2)
            wait_line(port, slept, times=2)
            real.api.post("/sandbox/broker/start").raise_for_status()
            wait_line(port, delivered + r".* waiting=0")
            wait_line(port, slept, times=4)
            boots = ledger(real)["boots"]
            assert len(boots) == 1 and not boots[0]["missing"]
            # No wake lost the numbers, and none was told as a start.
            assert boots[0]["volatile"] == 0
            real.control({"power": "cut"})
            real.control({"power": "on"})
            wait_line(port, r"I agent agent_started boot=2 ")
            wait_line(port, delivered)
            wait_line(port, slept, times=6)
            # Somebody has pressed the button while it slept, or a watchdog bit: RTC memory stays.
            started = wait_line(port, r"reading_taken boot=2 seq=(\d+)")
            wait_line(port, delivered, times=2)
        account = ledger(real)
    assert account["adds_up"] is True, account
    second = account["boots"][1]
    assert second["boot"] == 2 and second["delivered"] > int(started[1])
    # What the power cut may take is what was in RTC memory.
    assert account["boots"][0]["volatile"] <= EVERY + 1
    assert all(boot["duplicates"] == 0 for boot in account["boots"]), account


def test_a_host_that_comes_has_ten_seconds_after_a_start(tmp_path):
    with world(tmp_path) as real:
        options = ("--sensor", "simulated:key=room", "--interval", "5", "--set", "connect_every=1")
        done = real.provision(*options, "--set", NO_TIME)
        assert done.returncode == 0, done.stderr
        real.control({"power": "cut"})
        real.control({"power": "on"})
        with Listener(real.board["port"]) as port:
            wait_line(port, "I mqtt session_up")
        assert "esp32" in real.mpremote("exec", "import sys; print(sys.platform)")
