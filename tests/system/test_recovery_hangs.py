"""What hangs is ended, by the supervisor or by the watchdog, and work on a board is not."""

import pytest
from recovery_rig import made

# The watchdog's 60 s last so long here.
HASTE = 6
WATCHDOG_S = 60 / HASTE
FOREVER = "while True: pass\n"

# A driver that, after some readings, has tasks miss their wake-up: it comes in three days.
HANGS = """
import time
from asyncio import core
from firmware.reading import Datapoint
def lose(most_ms):
    queue, found, now = core._task_queue, [], time.ticks_ms()
    while queue.peek():
        task = queue.pop()
        found.append((task, time.ticks_diff(task.ph_key, now)))
    # Of those, the supervisor looks every five seconds: not one that has just looked or soon does.
    is_on = most_ms > 4500 or any(most_ms < wait_ms < 4500 for _, wait_ms in found)
    for task, wait_ms in found:
        is_lost = is_on and wait_ms <= most_ms
        queue.push(task, time.ticks_add(now, 259_200_000 if is_lost else max(0, wait_ms)))
    return is_on
class Sensor:
    points = [Datapoint("mine", "", "number", 0)]
    count = 0
    async def read_into(self, reading):
        self.count += 1
        if self.count > 2 and lose({most_ms}):
            self.count = -100_000
        reading.set("mine", 1)
def open(board, options):
    return Sensor()
"""


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    with made(tmp_path_factory.mktemp("hangs")) as ready:
        yield ready


def test_a_task_that_hangs_is_named_and_ends_the_run(here):
    with here.case() as case:
        case.give_driver(HANGS.format(most_ms=1500))
        case.reset()
        # Wi-Fi looks at its link twice a second, and has 20 s to say so.
        told = case.event("started", 90, cause="crash")
        assert (told["task"], told["error"]) == ("wifi", "RuntimeError: wifi is stuck")
        case.wait_until_reporting()


def test_if_nothing_runs_but_the_loop_itself_the_watchdog_ends_that(here):
    with here.case() as case:
        case.control({"watchdog_haste": HASTE})
        case.give_driver(HANGS.format(most_ms=100_000_000))
        case.reset()
        case.event("started", 3 * WATCHDOG_S + 60, cause="watchdog")
        case.wait_until_reporting()


@pytest.mark.parametrize("path", ["/lib/firmware/__init__.py", "/lib/firmware/wiring.py"])
def test_code_that_never_ends_loading_ends_in_safe_mode(here, path):
    with here.case() as case:
        # Six times three seconds; safe mode has nine for each of its steps.
        case.control({"watchdog_haste": 20})
        case.write(path, FOREVER)
        case.reset()
        told = case.event("safe_mode", 120)
        assert told["starts"] == 6
        assert case.answer(case.command("get_logs"))["state"] == "done"


STORES = {
    "a file where the folder should be": "os.rename('/data', '/old')\nopen('/data', 'w').close()",
    "rubbish in all its files": "for f in os.listdir('/data'):\n"
    "  if not os.stat('/data/' + f)[0] & 0x4000: open('/data/' + f, 'wb').write(bytes(999))",
    "a folder for each of its files": "for f in os.listdir('/data'):\n"
    "  os.rename('/data/' + f, '/data/x'); os.mkdir('/data/' + f); os.remove('/data/x')",
}


@pytest.mark.parametrize("what", STORES)
def test_a_store_that_cannot_be_used_leaves_the_device_online(here, what):
    with here.case() as case:
        case.wait_until_reporting()
        case.run_on(f"import os\n{STORES[what]}")
        case.reset()
        case.event("started", 60, cause="planned")
        before = case.readings()
        case.until(lambda: case.readings() >= before + 3, "readings")
        assert not case.events("safe_mode")


def test_the_watchdog_lets_a_board_be_deployed_to_and_provisioned(here):
    with here.case() as case:
        case.wait_until_reporting()
        case.control({"watchdog_haste": HASTE})
        case.reset()
        case.event("started", cause="planned")
        with case.listen() as port:
            list(port.lines(0.1))
        done = case.run("deploy", "--port", case.board["port"])
        assert done.returncode == 0, done.stderr
        done = case.provision("--sensor", "simulated:key=room")
        assert done.returncode == 0, done.stderr
        case.wait_until_reporting()
        causes = {one["cause"] for one in case.events("started")}
        assert "watchdog" not in causes and "crash" not in causes, causes
