"""Whatever is wrong with a board, it ends online, and tells what was wrong."""

import json
import random
import time

import pytest
from recovery_rig import driver, interrupted, made

# The watchdog's 60 s of the board last so long here; a start has to fit in, on a busy machine.
HASTE = 4
WATCHDOG_S = 60 / HASTE
SECRET = "ways-sandbox-password"
BROKEN = "/lib/firmware/__init__.py"


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    with made(tmp_path_factory.mktemp("recovery")) as ready:
        yield ready


def test_code_that_cannot_be_loaded_ends_in_safe_mode_and_a_repair_ends_that(here):
    with here.case() as case:
        case.wait_until_reporting()
        case.write(BROKEN, "this is no Python")
        case.reset()
        told = case.event("safe_mode")
        assert told["starts"] == 6
        assert told["crash"]["error"] == "SyntaxError"
        refused = case.answer(case.command("read_now"))
        assert (refused["state"], refused["reason"]) == ("refused", "safe_mode")
        logs = case.answer(case.command("get_logs"))
        assert logs["result"]["crash"]["error"] == "SyntaxError"
        config = case.answer(case.command("get_config"))
        assert config["result"]["settings"]["interval_s"] == 1
        with interrupted(case):
            case.mpremote("rm", f":{BROKEN}")
        case.event("safe_mode")
        done = case.answer(case.command("reboot"))
        assert done["state"] == "done"
        case.event("started", cause="planned", starts=5)
        case.event("crash", error="SyntaxError")
        case.wait_until_reporting()


@pytest.mark.parametrize("path", ["/lib/firmware/__init__.mpy", "/lib/firmware/wiring.mpy"])
def test_a_corrupt_module_ends_in_safe_mode(here, path):
    with here.case() as case:
        case.write(path, bytes(200))
        case.reset()
        assert case.event("safe_mode")["starts"] == 6


def test_a_file_that_hides_a_built_in_module_ends_in_safe_mode_and_one_of_a_frozen_not(here):
    with here.case() as case:
        for name in ("ssl", "asyncio"):
            case.write(f"/{name}.py", "raise SystemError")
        case.reset()
        case.wait_until_reporting()
        case.write("/json.py", "raise KeyError")
        case.reset()
        assert case.event("safe_mode")["crash"]["error"] == "KeyError"


def test_a_crash_is_recorded_told_once_and_forgotten(here):
    with here.case() as case:
        case.wait_until_reporting()
        case.give_driver(driver(f"raise SystemExit('wifi is {SECRET}')"))
        case.reset()
        with case.listen() as port:
            said = "".join(line for _ in range(40) for line in port.lines(0.2))
        assert "SystemExit: wifi is ***" in said and SECRET not in said
        told = case.event("started", cause="crash")
        assert told["error"] == "SystemExit: wifi is ***"
        assert SECRET not in json.dumps(case.events())
        assert "firmware" in told["place"] or "mine" in told["place"]
        case.give_driver(driver("pass"))
        case.run_on("import esp32; n = esp32.NVS('ways'); n.set_i32('starts', 0); n.commit()")
        case.reset()
        case.wait_until_reporting()
        crashes = len(case.events("crash"))
        assert crashes >= 1
        case.until(lambda: bytes.fromhex(case.nvs()["crash"]) == b"-", "end of the record")
        with interrupted(case):
            pass
        case.wait_until_reporting()
        assert len(case.events("crash")) == crashes


def test_a_sensor_that_stalls_the_thread_is_named_and_left_alone(here):
    with here.case() as case:
        case.control({"watchdog_haste": HASTE})
        case.give_driver(driver("while True: pass"))
        case.reset()
        told = case.event("started", 2 * WATCHDOG_S + 60, cause="watchdog")
        assert told["sensor"] == "mine:mine"
        case.event("sensor_disabled", sensor="mine:mine")
        case.wait_until_reporting()
        # A planned restart gives it another chance.
        case.command("reboot")
        case.event("started", cause="planned")
        case.event("started", 2 * WATCHDOG_S + 60, cause="watchdog", starts=2)


BAD = {
    "no file": None,
    "binary": bytes(range(256)),
    "64 kB": b"[" * 65536,
    "nested": b"[" * 8000 + b"}",
    "empty": b"",
    "no broker": {"mqtt_host": None},
    "wrong types": {"interval_s": "1", "window": [], "topics": 3},
    "sensors that do not exist": {"sensors": [{"kind": "nobody"}]},
}


@pytest.mark.parametrize("has_last", [True, False])
def test_settings_that_cannot_be_used_leave_the_device_online(here, has_last):
    with here.case() as case:
        case.wait_until_reporting()
        case.until(lambda: "broker" in case.nvs(), "memory of the broker")
        good = case.run_on("print(open('/config.json').read())")
        case.write("/config.last", good if has_last else "")
        for what, bad in BAD.items():
            if bad is None:
                case.mpremote("rm", ":config.json")
            elif isinstance(bad, dict):
                case.write("/config.json", json.dumps({**json.loads(good), **bad}))
            else:
                case.write("/config.json", bad)
            count = len(case.events("config_replaced"))
            case.reset()
            case.until(lambda n=count: len(case.events("config_replaced")) > n, what)
        assert not case.events("safe_mode")


def test_brown_outs_at_any_moment_cost_nothing(here):
    moments = random.Random(5)
    with here.case() as case:
        case.wait_until_reporting()
        before = case.nvs().get("starts", 0)
        for _ in range(20):
            time.sleep(moments.uniform(0, 2))
            case.control({"power": "brown-out"})
        case.wait_until_reporting()
        case.event("started", cause="power")
        assert {one["cause"] for one in case.events("started")} == {"power"}
        assert case.nvs().get("starts", 0) == before


def test_causes_are_told_apart(here):
    with here.case() as case:
        starts = case.event("started", cause="power")["starts"]
        case.control({"panic": True})
        case.event("started", cause="crash", starts=starts + 1)
        case.run_on("pass")
        case.reset()
        case.event("started", cause="planned", starts=starts + 1)
        case.command("reboot")
        case.until(lambda: len(case.events("started")) == 4, "fourth start")
        assert case.events("started")[-1]["cause"] == "planned"


def test_who_is_at_the_repl_has_ten_minutes_and_a_held_board_all_the_time_of_the_hold(here):
    with here.case() as case:
        case.wait_until_reporting()
        # 600 s are 10 s here; the agent's own 60 s would be one.
        case.control({"watchdog_haste": 60})
        case.run_on("pass")
        case.control({"watchdog_haste": 1})
        with case.listen() as port:
            assert list(port.lines(4)) == []
            lines = "".join(line for _ in range(40) for line in port.lines(0.3))
        assert "watchdog was not fed for 10 s" in lines
        case.event("started", cause="host")
        case.run_on("import esp32; n = esp32.NVS('ways'); n.set_i32('hold', 60); n.commit()")
        case.control({"watchdog_haste": 120})
        case.reset()
        time.sleep(5)
        assert case.mpremote("resume", "exec", "print(hold_s)").strip() == "60"
