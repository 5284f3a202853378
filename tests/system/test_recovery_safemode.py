"""Safe mode on a virtual board: what it repairs, and what does not get it off the line."""

import json
import time
from pathlib import Path

import pytest
from recovery_rig import made

ROOT = Path(__file__).resolve().parents[2]
BROKEN = "/lib/firmware/__init__.py"
LONG = 6000
# Has the time server say this many seconds since 2000, and tells what becomes of the clock.
CLOCK = """
import sys
class Ntptime:
    asked = []
    host = "pool"
    @classmethod
    def time(cls):
        cls.asked.append(cls.host)
        if cls.host != "good":
            raise OSError(110)
        return {answer_s}
sys.modules["ntptime"] = Ntptime
sys.path.insert(0, "/lib/firmware")
import safekeep
safekeep.set_clock()
print(safekeep.now_s(), ",".join(Ntptime.asked))
"""
SINCE_2000_S = 946684800
BUILT_S = 1795392000


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    with made(tmp_path_factory.mktemp("safemode")) as ready:
        yield ready


def hurried(case, **constants):
    """Give the board a safe mode with other numbers."""
    text = (ROOT / "firmware" / "safemode.py").read_text()
    for name, value in constants.items():
        before = text
        text = "\n".join(
            f"{name} = const({value})" if line.startswith(f"{name} = ") else line
            for line in text.split("\n")
        )
        assert text != before, name
    case.write("/lib/firmware/safemode.py", text)


def content(case, path):
    return json.loads(case.run_on(f"print(open('{path}').read())"))


def test_the_last_good_settings_come_back_and_after_them_the_defaults(here):
    with here.case() as case:
        case.wait_until_reporting()
        case.until(lambda: "broker" in case.nvs(), "memory of the broker")
        good = content(case, "/config.json")
        bad = {**good, "sensors": [{"kind": "simulated", "key": "worse"}], "interval_s": 77}
        case.write("/config.last", json.dumps(good))
        case.write("/config.json", json.dumps(bad))
        case.start_in_safe_mode()
        assert case.answer(case.command("get_config"))["result"]["settings"] == bad
        done = case.answer(case.command("restore_config"))
        assert (done["state"], done["result"]["settings"]) == ("done", good)
        broker = {key: good[key] for key in ("mqtt_host", "mqtt_port")}
        done = case.answer(case.command("restore_config"))
        assert done["result"]["settings"] == {"rev": 0, **broker}
        case.answer(case.command("reboot"))
        case.event("started", cause="planned", starts=5)
        assert content(case, "/config.json") == {"rev": 0, **broker}
        assert content(case, "/config.last") == good


def test_after_its_time_it_tries_a_normal_start_and_is_back_if_that_fails(here):
    with here.case() as case:
        hurried(case, _HOUR_MS=3000)
        case.start_in_safe_mode()
        case.event("started", cause="planned", starts=5)
        case.wait_until_reporting()
        case.write(BROKEN, "this is no Python")
        count = len(case.events("safe_mode"))
        case.start_in_safe_mode()
        # Each time there is one start that fails in between.
        case.until(lambda: len(case.events("safe_mode")) >= count + 3, "safe mode, again")
        assert {one["starts"] for one in case.events("safe_mode")} == {6}


def test_a_broker_that_goes_away_and_comes_back_has_it_back(here):
    with here.case() as case:
        hurried(case, _RETRY_MS=1000)
        case.start_in_safe_mode()
        case.api.post("/sandbox/broker/stop").raise_for_status()
        try:
            time.sleep(3)
        finally:
            case.api.post("/sandbox/broker/start").raise_for_status()
        case.until(lambda: len(case.events("safe_mode")) >= 2, "second login")
        assert case.answer(case.command("get_logs"))["state"] == "done"


def test_a_network_that_goes_away_and_comes_back_has_it_back(here):
    with here.case() as case:
        hurried(case, _RETRY_MS=1000, _PING_MS=1000)
        case.start_in_safe_mode()
        network = {"ssid": "ways-sandbox", "password": "ways-sandbox-password"}
        down = {"after_ms": 0, "state": "down"}
        # Longer than it takes to notice, or the connection lives on.
        up = {"after_ms": 12_000, "state": "up"}
        case.control({"wlan": {**network, "script": [down, up]}})
        case.until(lambda: len(case.events("safe_mode")) >= 2, "second login")
        assert case.answer(case.command("get_logs"))["state"] == "done"


def test_what_is_too_large_no_command_or_too_late_is_refused_and_the_next_one_obeyed(here):
    with here.case() as case:
        case.start_in_safe_mode()
        case.command("get_logs", args={"x": "y" * LONG})
        case.event("command_result", id=None, state="refused", reason="not a command")
        late = case.command("get_logs", not_after=BUILT_S)
        assert case.answer(late)["reason"] == "expired"
        assert case.answer(case.command("deploy"))["reason"] == "safe_mode"
        assert case.answer(case.command("get_logs"))["state"] == "done"
        assert len(case.events("safe_mode")) == 1


@pytest.mark.parametrize(
    ("says_s", "has_s"),
    [
        (BUILT_S + 86400, BUILT_S + 86400),
        # Nothing is believed that is before this version, or absurdly late.
        (BUILT_S - 86400, BUILT_S),
        (BUILT_S + 20 * 366 * 86400, BUILT_S),
    ],
)
def test_a_time_server_of_the_settings_sets_the_clock_within_reason(here, says_s, has_s):
    with here.case() as case:
        config = content(case, "/config.json")
        hosts = ["127.0.0.1:9", "good"]
        case.write("/config.json", json.dumps({**config, "ntp_hosts": hosts}))
        case.run_on("import esp32; n = esp32.NVS('ways'); n.set_i32('time_floor', 0); n.commit()")
        case.control({"clock": SINCE_2000_S})
        said, asked = case.run_on(CLOCK.format(answer_s=says_s - SINCE_2000_S)).split()
        assert 0 <= int(said) - has_s < 60
        assert asked == "127.0.0.1,good"
