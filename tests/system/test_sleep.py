"""A sleeper on the virtual board: real deep sleep, real broker, faults between the wakes."""

import re
import time

import pytest

from ways_device.devicelog import Listener

EVERY = 2
WINDOW = 16
# RTC memory takes some twenty readings of so many values.
VALUES = 16
# Nobody listens there: as good as a network that blocks time servers.
NO_TIME = 'ntp_hosts=["127.0.0.1:9"]'
SLEPT = r"agent sleep_began"
DELIVERED = r"I agent sleep_began .*waiting=0"


class Story:
    """A sleeper that is watched from its provisioning on."""

    def __init__(self, real, port):
        self.real = real
        self._port = port
        self.lines = []

    def wait(self, pattern, times=1, within_s=90):
        """Return the match of that line of the board's log in which it is found this time."""
        end_s = time.monotonic() + within_s
        while time.monotonic() < end_s:
            for line in self._port.lines(0.1):
                self.lines.append(line)
                if found := re.search(pattern, line):
                    times -= 1
                    if not times:
                        return found
        raise AssertionError(f"no line with {pattern!r} in:\n" + "\n".join(self.lines[-60:]))

    def count(self, pattern):
        return sum(bool(re.search(pattern, line)) for line in self.lines)

    def broker(self, what):
        self.real.api.post(f"/sandbox/broker/{what}").raise_for_status()

    def cut_power(self):
        self.real.control({"power": "cut"})
        self.real.control({"power": "on"})

    def boots(self):
        return self.real.get(f"/sandbox/ledger/{self.real.device_id}")["boots"]

    # What happens to it. Each ends with a delivery.

    def broker_is_down(self):
        self.broker("stop")
        self.wait("W agent connect_put_off", times=2)
        self.wait(SLEPT, times=2)
        self.broker("start")
        self.wait(DELIVERED)

    def chip_panics(self):
        """In the middle of a wake, and while it sleeps."""
        self.wait(r"reading_taken")
        self.real.control({"panic": True})
        self.wait(r"I agent last_run cause=crash")
        self.wait(DELIVERED)
        self.real.control({"panic": True})
        self.wait(r"I agent last_run cause=")
        self.wait(DELIVERED)

    def watchdog_bites(self):
        """In the ten seconds that follow a start: the watchdog is fed each five."""
        self.wait(SLEPT)
        self.real.control({"watchdog_haste": 30})
        self.real.control({"panic": True})
        self.wait(r"the watchdog was not fed")
        self.real.control({"watchdog_haste": 1})
        self.wait(r"I agent last_run cause=watchdog")
        self.wait(DELIVERED)

    def memory_is_full(self):
        """Until what waits in RTC memory has to go to flash."""
        self.broker("stop")
        most = 0
        while (waiting := int(self.wait(SLEPT + r".*waiting=(\d+)")[1])) >= most:
            most = waiting
        assert most > 10 > waiting
        self.broker("start")
        self.wait(DELIVERED)
        return most


@pytest.mark.timeout(400)
def test_a_sleeper_accounts_for_every_reading_over_wakes_with_faults_between(deployed):
    sensors = [f"--sensor=simulated:key=room{number}" for number in range(VALUES)]
    settings = ("--set", f"connect_every={EVERY}", "--set", NO_TIME, "--interval", "1")
    limits = ("--set", "awake_limit_s=20", "--log-level", "D")
    done = deployed.provision(*sensors, *settings, *limits)
    assert done.returncode == 0, done.stderr
    with Listener(deployed.board["port"]) as port:
        story = Story(deployed, port)
        story.wait(SLEPT, times=6)
        story.wait(DELIVERED)
        # No wake lost the numbers, none was told as a start, and nothing came twice.
        (first,) = story.boots()
        assert not first["missing"] and first["volatile"] == first["duplicates"] == 0
        story.broker_is_down()
        story.chip_panics()
        story.watchdog_bites()
        most = story.memory_is_full()
        # All that was there in the end is there, whatever had happened.
        (first,) = story.boots()
        assert first["boot"] == 1 and not first["missing"] and first["volatile"] == 0
        story.cut_power()
        story.wait(r"I agent last_run cause=power")
        started = story.wait(r"reading_taken boot=2 seq=(\d+)")
        story.wait(DELIVERED)
        story.wait(SLEPT, times=4)
        story.wait(DELIVERED)
        wakes = story.count(SLEPT)
        resets = story.count("agent last_run")
    account = deployed.get(f"/sandbox/ledger/{deployed.device_id}")
    assert wakes >= 20 and resets >= 5
    assert account["adds_up"] is True, account
    first, second = account["boots"]
    assert second["boot"] == 2 and second["delivered"] > int(started[1]) + 4
    assert second["duplicates"] == second["volatile"] == 0 and not second["missing"]
    # The power cut may take what was in RTC memory; what came twice is what resets cut off.
    assert first["volatile"] <= EVERY + 1 and first["duplicates"] <= WINDOW * resets
    assert first["delivered"] > most


def test_a_host_that_comes_has_ten_seconds_after_a_start(deployed):
    options = ("--sensor", "simulated:key=room", "--interval", "5", "--set", "connect_every=1")
    done = deployed.provision(*options, "--set", NO_TIME)
    assert done.returncode == 0, done.stderr
    with Listener(deployed.board["port"]) as port:
        story = Story(deployed, port)
        story.cut_power()
        story.wait("I mqtt session_up")
    assert "esp32" in deployed.mpremote("exec", "import sys; print(sys.platform)")
