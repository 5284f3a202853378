"""One computer, one account, one board in memory, and a process that can be killed anywhere."""

from dataclasses import replace

from certificates import Authority
from fakeboard import UNIQUE_ID, FakeBoard
from fakeplatform import KEY, FakePlatform, flat
from rich.console import Console

from ways_device.api.client import Client
from ways_device.api.platform import Platform
from ways_device.context import Context
from ways_device.journal import Journal
from ways_device.provision import command
from ways_device.provision.request import Request
from ways_device.talk import Talk
from ways_device.wifi import Network

ORIGIN = "https://api.test"
DEVICE_ID = f"esp32-{UNIQUE_ID}"
WIFI = [Network("lab", "wifi-canary-password", 1)]
CA = Authority()


class Killed(BaseException):
    """The end of the process: nothing after it reaches the outside any more."""


class Killer:
    """Ends the run at its n-th contact with the outside."""

    def __init__(self, at=0):
        self.at = at
        self.contacts = 0
        self.places = []

    def __call__(self, place):
        self.contacts += 1
        self.places.append(place)
        if self.at and self.contacts >= self.at:
            raise Killed(place)


class KilledJournal(Journal):
    def __init__(self, folder, killer):
        super().__init__(folder)
        self._killer = killer

    def save(self, entry):
        self._killer(f"before {entry.state}")
        super().save(entry)
        self._killer(f"after {entry.state}")


class Rig:
    """One computer, one account, one board; run() is one call of the command."""

    def __init__(self, tmp_path, shape=flat):
        self.platform = FakePlatform(shape)
        self.board = FakeBoard(self.platform)
        self.folder = tmp_path / "journal"
        self.said = []
        self.source = make_agent(tmp_path / "agent")
        ca_file = tmp_path / "ca.pem"
        ca_file.write_bytes(CA.pem)
        self.request = Request("My device", ca_file=ca_file, interval_s=5, wait_s=0.01)

    def run(self, killer=None, **changes):
        killer = killer or Killer()
        self.board.around = killer
        client = Client(ORIGIN, KEY, self.platform.transport(killer), lambda seconds: None)
        context = Context(
            Platform(client),
            self.board,
            KilledJournal(self.folder, killer),
            self.source,
            Talk(Console(file=Lines(self.said), markup=False)),
        )
        return command.provision(replace(self.request, **changes), WIFI, context)

    @property
    def entry(self):
        return Journal(self.folder).load(ORIGIN, DEVICE_ID)

    def journal_text(self):
        return "".join(path.read_text() for path in self.folder.glob("*.json"))

    def assert_one_working_device(self):
        assert list(self.platform.devices) == [DEVICE_ID]
        assert self.board.body["password"] == self.platform.passwords[DEVICE_ID]
        assert self.platform.devices[DEVICE_ID]["is_online"]
        assert not self.board.held


class Lines:
    def __init__(self, lines):
        self._lines = lines

    def write(self, text):
        self._lines.append(text)

    def flush(self):
        pass

    def text(self):
        return "".join(self._lines)


def make_agent(folder):
    """Make a small agent: enough to be compiled, copied and compared."""
    (folder / "firmware").mkdir(parents=True)
    (folder / "boot.py").write_text("import sys\n")
    (folder / "main.py").write_text("import firmware.agent\n")
    (folder / "firmware" / "__init__.py").write_text("")
    (folder / "firmware" / "agent.py").write_text("import asyncio\nVERSION = 1\n")
    (folder / "firmware" / "board_unix.py").write_text("import os\n")
    return folder
