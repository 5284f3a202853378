"""Boards that have something wrong with them, one after the other on one sandbox.

One board is made a device, once; each case begins with a copy of what flash and NVS held then.
"""

import contextlib
import json
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import codedflash
from realparts import World, part

from ways_device.devicelog import Listener

QUICK = ("--set", "retry_max_ms=2000", "--set", 'ntp_hosts=["127.0.0.1:9"]')
# Of the board's own time: the watchdog of a case counts so many times as fast.
HASTE = 20
_FLASH_KB = 1024
_DRIVER = """
from firmware.reading import Datapoint
class Sensor:
    points = [Datapoint("mine", "", "number", 0)]
    count = 0
    async def read_into(self, reading):
        self.count += 1
        if self.count > {after}:
            {act}
        reading.set("mine", 1)
def open(board, options):
    return Sensor()
"""


def driver(act: str, after: int = 2) -> str:
    """Return a driver that does this, one statement, in each reading after the first few."""
    return _DRIVER.format(act=act, after=after)


class Made:
    """A sandbox, and the device whose board each case gets a copy of."""

    def __init__(self, folder: Path, sandbox: dict[str, Any]) -> None:
        self.folder = folder
        self._sandbox = sandbox
        self._template = folder / "template"
        self._count = 0

    def provision(self, *options: str) -> None:
        codedflash.give(self.folder / "first" / "chip", _FLASH_KB)
        with part(self.folder / "first", *_words(self.folder / "first" / "chip")) as board:
            world = World(self.folder, self._sandbox, board)
            try:
                done = world.provision("--sensor", "simulated:key=room", *QUICK, *options)
            finally:
                world.api.close()
            assert done.returncode == 0, done.stderr
        shutil.copytree(self.folder / "first" / "chip", self._template)

    @contextmanager
    def case(self) -> Iterator["Case"]:
        """Yield a board that is the device and runs."""
        self._count += 1
        folder = self.folder / f"case-{self._count}"
        shutil.copytree(self._template, folder / "chip")
        with part(folder, *_words(folder / "chip")) as board:
            case = Case(self.folder, self._sandbox, board)
            try:
                yield case
            finally:
                case.api.close()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def made(folder: Path, *options: str) -> Iterator[Made]:
    words = ["sandbox", "start", "--state", str(folder / "sandbox" / "state"), "--port", "0"]
    with part(folder / "sandbox", *words) as sandbox:
        here = Made(folder, sandbox)
        here.provision(*options)
        yield here


class Case(World):
    """One board; events are those that came since the last look()."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._seen = len(self._all_events())

    def _all_events(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(f"/sandbox/devices/{self.device_id}/events")
        return found

    def readings(self) -> int:
        """Return how many have come. Cases begin alike: what one sends is another's again."""
        boots = self.get(f"/sandbox/ledger/{self.device_id}")["boots"]
        return sum(int(boot["delivered"]) + int(boot["duplicates"]) for boot in boots)

    def events(self, event_type: str = "") -> list[dict[str, Any]]:
        """Return the metadata of the events of this type since the case began."""
        new = self._all_events()[self._seen :]
        return [one["metadata"] for one in new if event_type in ("", one["event_type"])]

    def event(self, event_type: str, limit_s: float = 60, **fields: Any) -> dict[str, Any]:
        """Wait for an event that has these fields, and return its metadata."""

        def find() -> dict[str, Any] | None:
            for one in self.events(event_type):
                if all(one.get(key) == value for key, value in fields.items()):
                    return one
            return None

        return self.until(find, f"event {event_type} {fields}", limit_s)

    def until(self, find: Callable[[], Any], what: str, limit_s: float = 60) -> Any:
        end_s = time.monotonic() + limit_s
        while not (found := find()):
            assert time.monotonic() < end_s, f"no {what} within {limit_s} s: {self.events()[-9:]}"
            time.sleep(0.1)
        return found

    def command(self, name: str, **more: Any) -> str:
        """Send a command; return its id."""
        sent = self.api.post(
            f"/sandbox/devices/{self.device_id}/commands", json={"name": name, **more}
        )
        sent.raise_for_status()
        return str(sent.json()["id"])

    def answer(self, command_id: str, limit_s: float = 30) -> dict[str, Any]:
        """Wait for the last word about a command."""

        def find() -> dict[str, Any] | None:
            for one in self.events("command_result"):
                if one["id"] == command_id and one["state"] != "accepted":
                    return one
            return None

        found: dict[str, Any] = self.until(find, f"answer to {command_id}", limit_s)
        return found

    def write(self, path: str, text: str | bytes) -> None:
        """Put a file on the board, whose agent stops for it; it is held at its REPL then."""
        data = text if isinstance(text, bytes) else text.encode()
        local = self.folder / "file"
        local.write_bytes(data)
        self.mpremote("cp", str(local), f":{path}")

    def run_on(self, program: str) -> str:
        """Run a program on the board, whose agent stops for it."""
        return self.mpremote("exec", program)

    def reset(self) -> None:
        self.mpremote("reset")

    def give_driver(self, text: str) -> None:
        """Have the board read a sensor of a kind "mine", which text defines, besides its first."""
        self.run_on("import os\ntry: os.mkdir('/sensors')\nexcept OSError: pass")
        self.write("/sensors/mine.py", text)
        config = json.loads(self.run_on("print(open('/config.json').read())"))
        config["sensors"] = [config["sensors"][0], {"kind": "mine"}]
        self.write("/config.json", json.dumps(config))

    def start_in_safe_mode(self) -> dict[str, Any]:
        """Have the board believe that six starts have failed; return what it tells of it."""
        self.run_on("import esp32; n = esp32.NVS('ways'); n.set_i32('starts', 6); n.commit()")
        self.reset()
        return self.event("safe_mode")

    def cut_power(self) -> None:
        self.control({"power": "cut"})
        self.control({"power": "on"})

    def record_wear(self) -> None:
        """Have what flash is asked to do recorded from the next start on."""
        self._wear().touch()

    def wear(self) -> list[list[tuple[int, str]]]:
        """Return for each start since then what came (ms since that start, what it was)."""
        starts: list[list[tuple[int, str]]] = []
        for line in self._wear().read_text().splitlines():
            at_ms, what, _ = line.split(" ")
            if what == "start":
                starts.append([])
            else:
                starts[-1].append((int(at_ms), what))
        return starts

    def _wear(self) -> Path:
        return Path(self.board["control"]).with_name("wear")

    def listen(self) -> Listener:
        return Listener(self.board["port"])

    def nvs(self) -> dict[str, Any]:
        """Return what the board's NVS holds, as its file has it."""
        found = json.loads((Path(self.board["dir"]) / "nvs.json").read_text())
        values: dict[str, Any] = {key: value[1] for key, value in found["ways"].items()}
        return values


def _words(chip: Path) -> list[str]:
    return ["vboard", "start", "--dir", str(chip), "--flash-kb", str(_FLASH_KB)]


@contextmanager
def interrupted(case: Case) -> Iterator[None]:
    """Have the board at its REPL inside, restarted with a power cut after it."""
    with contextlib.suppress(subprocess.CalledProcessError):
        case.run_on("pass")
    yield
    case.cut_power()


_OWN = """
import hashlib
for path in ("/config.json", "/config.last", "/identity.0", "/identity.1"):
    try:
        print(path, hashlib.sha256(open(path, "rb").read()).digest())
    except OSError:
        print(path)
"""


class Dips:
    """Brown-outs of a board that keeps readings for a broker that is away."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._count = 0
        case.wait_until_reporting()
        case.until(lambda: "broker" in case.nvs(), "settings that are kept")
        self._own = case.run_on(_OWN)
        self._starts = case.nvs().get("starts", 0)
        case.api.post("/sandbox/broker/stop").raise_for_status()
        case.record_wear()
        case.reset()
        # Some are in flash by then.
        case.until(lambda: "erase" in _kinds(case.wear()[-1]), "flush")

    def fall(self, moments: random.Random, count: int, most_s: float) -> None:
        """Let the voltage dip so often, each time after a random while of at most most_s."""
        self._count += count
        for _ in range(count):
            time.sleep(moments.uniform(0, most_s))
            self._case.control({"power": "brown-out"})

    def check(self) -> None:
        """Let the broker come back. Raises AssertionError for what is not as it was."""
        case = self._case
        case.api.post("/sandbox/broker/start").raise_for_status()
        # Without the first, which was no brown-out, and the last, which lasted. One that falls
        # before the chip has begun leaves no start in the record.
        starts = case.wear()[1:-1]
        assert len(starts) > self._count * 2 / 3, len(starts)
        worst = max(starts, key=lambda start: _kinds(start).count("erase"))
        assert _kinds(worst).count("erase") <= 2, worst
        case.wait_until_reporting()
        boots = case.until(self._whole, "account that adds up")["boots"]
        assert sum(boot["late"] for boot in boots) > 0
        # What only RAM held, and the device has told of it.
        assert sum(boot["volatile"] for boot in boots) <= 3 * self._count + 8
        assert {one["cause"] for one in case.events("started")} <= {"power", "planned"}
        assert case.nvs().get("starts", 0) == self._starts
        assert not case.events("safe_mode")
        assert case.run_on(_OWN) == self._own

    def _whole(self) -> Any:
        account = self._case.get(f"/sandbox/ledger/{self._case.device_id}")
        return account if account["adds_up"] else None


def _kinds(start: list[tuple[int, str]]) -> list[str]:
    return [what for _, what in start]
