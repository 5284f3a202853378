"""A fleet without time and without cables: a platform that goes wrong half of the time, boards.

The boards are those of fakeboard.py, the platform that of fakeplatform.py with what a fleet asks
besides; both are used by several threads at once. What goes wrong is decided for each request by
the seed, by what it asks, and by how often that was asked before: the order in which threads come
changes nothing.
"""

import json
import random
import threading
import time
from collections import Counter, deque
from dataclasses import replace
from pathlib import Path

import httpx
from certificates import Authority
from fakeboard import FakeBoard
from fakeplatform import KEY, FakePlatform
from provisioning import Lines
from rich.console import Console

from ways_device.fleet import command, sheet
from ways_device.fleet.client import FleetClient, FleetPlatform
from ways_device.fleet.crew import Shop
from ways_device.fleet.stop import Stop
from ways_device.fleet.yard import Yard
from ways_device.journal import Journal
from ways_device.provision.plan import Planner
from ways_device.provision.request import Request
from ways_device.wifi import Network

ORIGIN = "https://api.test"
SETS = {"": [Network("lab", "wifi-canary-password", 1)]}
CA = Authority()
# What a request comes to, of every hundred. The rest is answered as it should be.
FAULTS = {
    "429": 20,
    "5xx": 10,
    "hang": 5,
    "cut": 5,
    "garbled": 5,
    "lost": 5,
}
RETRY_AFTER = ["0", "1", "60", "Wed, 21 Oct 2015 07:28:00 GMT", "1000000000", "soon", "-5", "nan"]


class FleetFake(FakePlatform):
    """The platform for a fleet: groups, tags, the plan's limit, lists in pages; thread-safe."""

    def __init__(self, seed=None, limit=100_000):
        super().__init__()
        self.seed = seed
        self.limit = limit
        self.groups = {}
        self.members = Counter()
        self.tags = {}
        self.at_once = 0
        self.most_at_once = 0
        self.happened = Counter()
        self.refuse_from = None
        self.takes_s = 0.0
        self._asked = Counter()
        self._mutex = threading.Lock()

    def transport(self, around=lambda moment: None):
        return httpx.MockTransport(self._answer)

    def _answer(self, request):
        with self._mutex:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            time.sleep(self.takes_s)
            with self._mutex:
                return self._faulted(request)
        finally:
            with self._mutex:
                self.at_once -= 1

    def _faulted(self, request):
        method, path = request.method, request.url.path
        fault = self._fault(method, path)
        self.happened[fault] += 1
        chance = random.Random(f"{self.seed} {method} {path} {self._asked[method, path]}")
        if fault == "429":
            self.requests.append((method, path))
            headers = {"Retry-After": chance.choice(RETRY_AFTER)} if chance.random() < 0.8 else {}
            return httpx.Response(429, headers=headers, text='{"detail": "slow down"}')
        if fault == "5xx" and chance.random() < 0.5:
            self.requests.append((method, path))
            return httpx.Response(503, text="<html>busy</html>")
        reply = self.handle(method, path, request.headers, request.content.decode())
        assert reply is not None
        status, headers, text = reply
        if fault == "5xx":
            return httpx.Response(chance.choice([500, 502, 504]), text="<html>")
        if fault == "hang":
            raise httpx.ReadTimeout("timed out")
        if fault in ("cut", "lost"):
            raise httpx.RemoteProtocolError("peer closed connection")
        if fault == "garbled" and status < 300:
            text = text[: len(text) // 2] or "{"
        return httpx.Response(status, headers=headers, text=text)

    def _fault(self, method, path):
        if self.seed is None:
            return ""
        self._asked[method, path] += 1
        chance = random.Random(f"{self.seed} {method} {path} {self._asked[method, path]} fault")
        drawn = chance.uniform(0, 100)
        for name, share in FAULTS.items():
            drawn -= share
            if drawn < 0:
                return name
        return ""

    def _route(self, method, path, body):
        if self.refuse_from is not None and len(self.requests) > self.refuse_from:
            return 401, {"detail": "Invalid API key"}
        return super()._route(method, path, body)

    def _subscription(self, method, rest, body):
        count = len(self.devices)
        return 200, {"plan": "iot-test", "device_limit": self.limit, "device_count": count}

    def _groups(self, method, rest, body):
        if method == "GET":
            return 200, {"groups": [{"id": i, "name": name} for name, i in self.groups.items()]}
        if not rest:
            name = body["name"]
            self.made_groups = getattr(self, "made_groups", 0) + 1
            self.groups[name] = f"group-{self.made_groups}"
            return 201, {"id": self.groups[name], "name": name}
        for device_id in body["device_ids"]:
            self.members[rest[0], device_id] += 1
        return 200, {"added": body["device_ids"]}

    def _devices(self, method, rest, body):
        if method == "GET" and not rest:
            items = [dict(item, last_seen="t1") for item in self.devices.values()]
            return 200, {"devices": items, "total": len(items)}
        if rest[1:] == ["tags"]:
            self.tags[rest[0]] = sorted({*self.tags.get(rest[0], []), *body})
            return 200, {"added": body}
        if method == "POST" and not rest and len(self.devices) >= self.limit:
            return 429, {"detail": "the plan's limit is reached"}
        return super()._devices(method, rest, body)


class Boards(Yard):
    """Boards at ports; plug() and pull() do what a hand does."""

    def __init__(self, platform, count=0, first=0):
        super().__init__(None)
        self.platform = platform
        self.boards = {}
        self.opened = Counter()
        self.busy = Counter()
        for number in range(first, first + count):
            self.plug(number)

    def plug(self, number):
        board = FakeBoard(self.platform)
        board.unique_id = chip_id(number)
        board.port = f"/dev/fake{number:04}"
        self.boards[board.port] = board
        return board

    def present(self):
        return sorted(self.boards)

    def open(self, port):
        self.opened[port] += 1
        return self.boards[port]

    def board(self, number):
        return self.boards[f"/dev/fake{number:04}"]


def chip_id(number):
    return f"a0b1c2d3{number:04x}"


class FleetRig:
    """One computer, one account, some boards; provision() is one run of the command."""

    def __init__(self, folder: Path, platform: FleetFake):
        self.folder = folder
        self.platform = platform
        self.source = folder / "agent"
        if not self.source.exists():
            make_agent(self.source)
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_bytes(CA.pem)
        self.said = deque(maxlen=10_000)
        self.slept_s = []
        self.result = folder / "result.csv"
        self.platform_class = FleetPlatform
        self.stop = Stop()
        self.drivers = []

    def sheet(self, text, **defaults):
        path = self.folder / "devices.csv"
        path.write_text(text)
        request = Request("fleet", ca_file=self.ca_file, wait_s=0.01)
        return sheet.load(path, replace(request, **defaults), SETS, self.said.append)

    def shop(self):
        self.stop = stop = Stop()

        def sleep(seconds):
            self.slept_s.append(seconds)
            stop.check()

        client = FleetClient(ORIGIN, KEY, stop, self.platform.transport(), sleep)
        platform = self.platform_class(client)
        journal = Journal(self.folder / "journal")
        files = [one.file for one in self.drivers]
        planner = Planner(platform, self.source, files)
        return Shop(platform, journal, self.source, planner, self.drivers)

    def provision(self, rows, yard, jobs=4, wait_boards_s=0.0, again=False):
        console = Console(file=Lines(self.said), markup=False, width=200)
        shop = self.shop()
        return command.provision(
            rows, shop, yard, self.stop, self.result, jobs, wait_boards_s, again, console
        )

    def results(self):
        return {one.name: one for one in command.resulting.load(self.result)}

    def working(self, yard):
        """Return the ids of the devices that are online with the login their board has."""
        return {
            board.body["device_id"]
            for board in yard.boards.values()
            if board.body is not None
            and not board.held
            and self.platform.passwords.get(board.body["device_id"]) == board.body["password"]
            and self.platform.devices.get(board.body["device_id"], {}).get("is_online")
        }


def make_agent(folder):
    """Make a small agent that is packed, compiled and copied as the real one."""
    (folder / "firmware" / "sensors").mkdir(parents=True)
    (folder / "boot.py").write_text("import sys\n")
    (folder / "main.py").write_text("import firmware.agent\n")
    (folder / "firmware" / "__init__.py").write_text("")
    (folder / "firmware" / "agent.py").write_text("import asyncio\nVERSION = 1\n")
    (folder / "firmware" / "board.py").write_text("import os\n")
    (folder / "firmware" / "board_unix.py").write_text("import os\n")


def sheet_text(count, column="chip_id", extra=""):
    """Return a sheet of so many rows with chip ids, or with device ids for any board."""
    lines = [f"name,{column},interval_s,group,tags,sensors"]
    for number in range(count):
        own = chip_id(number) if column == "chip_id" else f"dev-{number:04}"
        group, tags = f"hall {number % 3}", "a;b" if number % 2 else ""
        lines.append(f"Device {number},{own},{5 + 5 * (number % 2)},{group},{tags},simulated")
    return "\n".join(lines) + "\n" + extra


def as_json(found):
    return json.loads(json.dumps(found))
