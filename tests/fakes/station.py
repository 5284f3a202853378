"""A device with a link, a session over it, and its identity on a real littlefs."""

import asyncio
import json

from fakes.board import FakeBoard
from fakes.flash import Flash
from fakes.log import Lines
from fakes.virtual import VirtualTime
from fakes.wlan import Wlan
from firmware import addnetwork, identity
from firmware.backoff import Backoff
from firmware.errors import LinkError
from firmware.wifi import Wifi

SECRET = "hunter22 of the new"
_LOGIN_MS = 2000


class Time(VirtualTime):
    """As a clock, and as the WLAN's, which holds nobody up here."""

    def uptime_ms(self):
        return self.passed_ms

    @property
    def now(self):
        return self.passed_ms

    @now.setter
    def now(self, _value):
        pass


class Session:
    """Logs in where the network leads somewhere, and learns late that a link is gone."""

    def __init__(self, time, wifi, wlan):
        self.time, self.wifi, self.wlan = time, wifi, wlan
        self.up = asyncio.Event()

    async def run(self):
        while True:
            await self.wifi.up.wait()
            await self.time.sleep_ms(_LOGIN_MS)
            if self.wlan.ap and self.wlan.ap.leads_somewhere:
                self.up.set()
                while self.up.is_set():
                    await self.time.sleep_ms(250)

    async def disconnect(self):
        self.up.clear()


class Rig:
    """A device at home, with its identity on a real littlefs, that is to know the yard too."""

    def __init__(self, *aps):
        self.time = self.clock = Time()
        self.wlan = Wlan(self.time, *aps)
        self.lines = Lines()
        self.flash = Flash().format()
        self.flash.mount()
        self.board = FakeBoard("/flash/")
        self.networks = [{"ssid": "home", "password": "password", "priority": 5}]
        body = {"device_id": "d1", "username": "u", "password": "p", "client_id": "c"}
        body["ca"], body["wifi"] = "aGk=", self.networks
        data = identity.pack(json.dumps(body).encode(), 7)
        self.board.nvs.set_blob("id1", data)
        with open("/flash/identity.1", "wb") as file:
            file.write(data)
        self.image = bytes(self.flash.data)
        self.flash.journal = []
        self.stored = dict(self.board.nvs.values)
        backoff = Backoff(500, 300_000, lambda limit: limit - 1)
        log = self.lines.log("wifi")
        self.wifi = Wifi(self.wlan, list(self.networks), self.time, log, backoff)
        self.wifi.clock.settled = asyncio.Event()
        self.session = Session(self.time, self.wifi, self.wlan)
        self.wifi.in_use = self.session.up

    def run(self, story):
        """Run a story beside the device's tasks."""

        async def whole():
            tasks = [asyncio.create_task(job.run()) for job in (self.wifi, self.session)]
            await self.session.up.wait()
            await story()
            for task in tasks:
                task.cancel()

        self.time.run(whole())
        assert self.wlan.faults == [] and not self.time.unhandled
        assert not [line for line in self.lines if SECRET in line]

    async def add(self, ssid, password=SECRET, priority=0):
        """Return (reason or None, how long it took)."""
        started_ms = self.time.passed_ms
        try:
            await addnetwork.add(self, ssid, password, priority)
            reason = None
        except LinkError as exc:
            reason = str(exc)
            assert SECRET not in reason
        return reason, self.time.passed_ms - started_ms

    async def back_at_home(self):
        """Return how long it takes to have a session at home again."""
        started_ms = self.time.passed_ms
        while not (self.session.up.is_set() and self.wlan.ap and self.wlan.ap.ssid == "home"):
            await self.time.sleep_ms(250)
        return self.time.passed_ms - started_ms
