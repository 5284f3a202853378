"""The agent on a board with a chip's habits: resets, power cuts, a clock that falls to 2000."""

import re
import time

import pytest
from codedflash import coded_world

from ways_device.devicelog import Listener

Y2000_S = 946684800
# Nobody listens there: as good as a network that blocks time servers.
NO_TIME = 'ntp_hosts=["127.0.0.1:9"]'


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """A provisioned board that reports every second; the tests go on with what the last left."""
    with coded_world(tmp_path_factory.mktemp("agent")) as made:
        options = ("--sensor", "simulated:key=room", "--log-level", "D")
        quick = ("--set", "retry_max_ms=2000", "--set", NO_TIME, "--set", "battery_pin=34")
        done = made.provision(*options, *quick)
        assert done.returncode == 0, done.stderr
        yield made


def wait_line(listener, pattern, within_s=40):
    """Return the match of the next line of the board's log that the pattern is found in."""
    end_s = time.monotonic() + within_s
    seen = []
    while time.monotonic() < end_s:
        for line in listener.lines(0.2):
            seen.append(line)
            if found := re.search(pattern, line):
                return found
    raise AssertionError(f"no line with {pattern!r} in:\n" + "\n".join(seen))


def write(real, path, text):
    real.mpremote("exec", f"with open({path!r}, 'w') as f: f.write({text!r})")


def restart(real):
    """Reset, and let the agent begin: a Ctrl-C that comes while a chip starts is lost on it."""
    real.mpremote("reset")
    real.wait_until_reporting()


def boots(real):
    return real.get(f"/sandbox/ledger/{real.device_id}")["boots"]


def device(real):
    return real.get(f"/v1/iot/devices/{real.device_id}")


def test_the_platform_shows_what_the_board_measures(real):
    real.wait_until_reporting()
    shown = device(real)
    assert shown["is_online"] is True
    # 1950 mV at the pin, twice that at a Li-ion battery.
    assert 60 <= shown["battery_level"] <= 70
    assert -70 <= shown["signal_strength"] <= -55
    assert shown["firmware_version"] == "0.1.0"


def test_a_power_cut_begins_a_new_boot_and_readings_go_on(real):
    before = boots(real)[-1]["boot"]
    real.control({"power": "cut"})
    with Listener(real.board["port"]) as port:
        real.control({"power": "on"})
        wait_line(port, f"I agent agent_started boot={before + 1} ")
        # The time of before the cut is the floor: good enough to check the certificate by.
        wait_line(port, "W clock sync_failed")
        wait_line(port, "I mqtt session_up")
    real.wait_until_reporting()
    assert real.get(f"/sandbox/ledger/{real.device_id}")["adds_up"] is True


def test_a_clock_that_fell_to_2000_is_a_named_state_and_ends_when_the_time_is_told(real):
    real.control({"clock": Y2000_S})
    real.api.post("/sandbox/broker/stop").raise_for_status()
    with Listener(real.board["port"]) as port:
        wait_line(port, "W mqtt session_failed")
        real.api.post("/sandbox/broker/start").raise_for_status()
        wait_line(port, "W mqtt session_failed why=tls:clock")
        # Not a tight loop, and sampling goes on meanwhile.
        wait_line(port, "D sampler reading_taken")
        real.control({"clock": int(time.time())})
        wait_line(port, "I mqtt session_up")
    real.wait_until_reporting()


def test_ctrl_c_gives_the_repl_and_a_reset_goes_on_within_the_boot(real):
    before = boots(real)[-1]
    # Entering the REPL stops the agent, as it does on a chip.
    assert "esp32" in real.mpremote("exec", "import sys; print(sys.platform)")
    real.mpremote("reset")
    with Listener(real.board["port"]) as port:
        wait_line(port, f"I agent agent_started boot={before['boot']} ")
    real.wait_until_reporting()
    account = real.get(f"/sandbox/ledger/{real.device_id}")
    assert account["adds_up"] is True
    assert account["boots"][-1]["boot"] == before["boot"]
    assert account["boots"][-1]["highest_seq"] > before["highest_seq"]


def test_a_stray_file_hides_no_module_from_the_agent(real):
    write(real, "/asyncio.py", "raise SystemError")
    restart(real)
    real.mpremote("rm", ":asyncio.py")
    restart(real)


def test_a_corrupt_file_is_one_line_and_the_board_goes_on_with_the_broker_it_knows(real):
    # Where its broker is the agent notes ten seconds after a login, if it is still up then.
    real.wait_until_reporting()
    time.sleep(15)
    write(real, "/config.json", "{")
    write(real, "/config.last", "")
    real.mpremote("reset")
    with Listener(real.board["port"]) as port:
        wait_line(port, "E agent config_replaced by=mended why=config: not JSON|by=defaults")
        wait_line(port, "I mqtt session_up")
