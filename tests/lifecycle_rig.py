"""An account with groups and tags, a board that is one of its devices, and what kills a run."""

import io
import json
from dataclasses import replace

import httpx
from fakeboard import FakeBoard
from fakeplatform import KEY, FakePlatform, flat
from provisioning import DEVICE_ID, ORIGIN, WIFI, Killed, KilledJournal, Killer, Rig
from rich.console import Console

from ways_device import identity
from ways_device.api.client import Client
from ways_device.api.platform import Platform
from ways_device.context import Context
from ways_device.errors import ToolError
from ways_device.journal import Journal
from ways_device.lifecycle.audit import Audit
from ways_device.lifecycle.board import Plugged
from ways_device.lifecycle.decommission import Decommission
from ways_device.lifecycle.record import REPLACE, Records
from ways_device.lifecycle.replace import Replacement
from ways_device.lifecycle.wish import Wish
from ways_device.talk import Talk

NEW_ID = f"{DEVICE_ID}-2"
TAGS = ["floor-3", "production"]


class LifePlatform(FakePlatform):
    """knows_filters: whether the list of devices takes a group as a filter."""

    def __init__(self, shape=flat, knows_filters=True):
        super().__init__(shape)
        self.knows_filters = knows_filters
        self.tags = {}
        self.groups = []
        self.members = {}
        self.alarms = []
        self.query = {}

    def _devices(self, method, rest, body):
        match method, rest:
            case "GET", []:
                return 200, {"devices": self._listed()}
            case _, [device_id, *_] if device_id not in self.devices:
                return 404, {"detail": "Device not found"}
            case "GET", [device_id, "tags"]:
                return 200, {"tags": self.tags.get(device_id, [])}
            case "POST", [device_id, "tags"]:
                has = self.tags.setdefault(device_id, [])
                has += [tag for tag in body if tag not in has]
                return 200, {"added": body}
            case "GET", [device_id, "health"]:
                return 200, {"health_score": 91, "health_status": "healthy"}
            case "DELETE", [device_id]:
                self.tags.pop(device_id, None)
                for members in self.members.values():
                    members.discard(device_id)
        return super()._devices(method, rest, body)

    def _listed(self):
        group_id = self.query.get("group_id") if self.knows_filters else None
        chosen = self.members.get(group_id, ()) if group_id else self.devices
        kept = ("device_id", "name", "is_online", "last_seen")
        return [
            {key: device.get(key) for key in kept}
            for device in self.devices.values()
            if device["device_id"] in chosen
        ]

    def _groups(self, method, rest, body):
        if method == "POST":
            self.members[rest[0]] |= set(body["device_ids"])
            return 200, {"added": body["device_ids"]}
        return 200, {"groups": self.groups}

    def _alarms(self, method, rest, body):
        return 200, {"alarms": self.alarms}

    def add_group(self, name, *device_ids):
        group_id = f"group-{len(self.groups)}"
        self.groups.append({"id": group_id, "name": name})
        self.members[group_id] = set(device_ids)
        return group_id

    def transport(self, around=lambda moment: None):
        inner = super().transport(around)

        def answer(request):
            self.query = dict(request.url.params)
            return inner.handle_request(request)

        return httpx.MockTransport(answer)


class LifeBoard(FakeBoard):
    unsent_bytes = 0

    def adopt_identity(self, body):
        whole = {**json.loads(body), "wifi": self.body["wifi"]}
        installed = self.install_identity(json.dumps(whole).encode())
        # The board compares the rest with what it was sent.
        return replace(installed, sha256=identity.sha256(body, installed.generation))

    def ask(self, name, args, silent_s=0, resets=True):
        self.around(f"before {name}")
        if name == "wipe":
            self.body = None
        self.around(f"after {name}")
        return [{"identity": None, "stored": {"unsent_bytes": self.unsent_bytes}}]


class KilledRecords(Records):
    def __init__(self, folder, killer):
        super().__init__(folder)
        self._killer = killer

    def save(self, record, state=""):
        self._killer(f"before record {state or record.state}")
        super().save(record, state)
        self._killer(f"after record {record.state}")


class Life(Rig):
    """A computer that made a board a device once; it has got tags, a group and metadata since."""

    def __init__(self, tmp_path, knows_filters=True):
        super().__init__(tmp_path)
        self.records_folder = tmp_path / "lifecycle"
        self.platform = LifePlatform(flat, knows_filters)
        self.board = LifeBoard(self.platform)
        self.run()
        self.group_id = self.platform.add_group("Cellars", DEVICE_ID)
        self.other_group_id = self.platform.add_group("Attics")
        self.platform.tags[DEVICE_ID] = list(TAGS)
        self.platform.devices[DEVICE_ID].update(
            {"description": "the cold one", "last_seen": "2026-01-01T00:00:00Z"}
        )
        self.platform.devices[DEVICE_ID]["metadata"]["room"] = "B1"
        self.networks_asked = 0

    def context(self, killer=None):
        killer = killer or Killer()
        self.board.around = killer
        client = Client(ORIGIN, KEY, self.platform.transport(killer), lambda seconds: None)
        journal = KilledJournal(self.folder, killer)
        talk = Talk(Console(file=io.StringIO(), markup=False))
        return Context(Platform(client), self.board, journal, self.source, talk)

    def replacement(self, killer=None, old_id=DEVICE_ID, **wish):
        killer = killer or Killer()
        wished = Wish(old_id, self.request, **wish)
        records = KilledRecords(self.records_folder, killer)
        return Replacement(wished, self.ask_networks, self.context(killer), records)

    def ask_networks(self):
        self.networks_asked += 1
        return WIFI

    def replace(self, killer=None, **wish):
        return self.replacement(killer, **wish).run()

    def record(self, device_id=DEVICE_ID):
        return Records(self.records_folder).load(REPLACE, ORIGIN, device_id)

    def decommission(self, *device_ids, killer=None, wipe=False):
        killer = killer or Killer()
        context = self.context(killer)
        records = KilledRecords(self.records_folder, killer)
        command = Decommission(context.platform, context.journal, records, context.talk)
        return command.run(command.look(device_ids), self.board if wipe else None)

    def audit(self, *boards):
        context = self.context()
        records = Records(self.records_folder)
        return Audit(context.platform, Journal(self.folder), records, boards)

    def plugged(self):
        body = self.board.body
        return Plugged("/dev/fake", self.board.unique_id, body and body["device_id"], None)

    def assert_only(self, device_id):
        """Check that this device alone is there, works, and has all that the old one had."""
        platform = self.platform
        assert list(platform.devices) == [device_id]
        device = platform.devices[device_id]
        assert self.board.body["device_id"] == device_id
        assert self.board.body["password"] == platform.passwords[device_id]
        assert self.board.body["wifi"] == [WIFI[0].as_json()]
        assert device["is_online"] and not self.board.held
        assert device["description"] == "the cold one"
        assert device["metadata"]["room"] == "B1"
        assert device["metadata"]["board"] == self.board.unique_id
        assert sorted(platform.tags[device_id]) == TAGS
        assert platform.members == {self.group_id: {device_id}, self.other_group_id: set()}
        assert platform.applied[-1] == ("prof-0", device_id)
        assert "mqtt-canary" not in self.journal_text()


def contacts(folder, same_id):
    """Return how many contacts with the outside a replacement has that nobody stops."""
    whole = Killer()
    Life(folder / "whole").replace(whole, same_id=same_id)
    return whole.contacts


def killed_at(folder, at, same_id):
    """Kill a replacement at its contact number at, run it again; return what is wrong then."""
    life = Life(folder / str(at))
    try:
        life.replace(Killer(at), same_id=same_id)
        return f"contact {at} was not reached"
    except Killed:
        pass
    try:
        life.replace(same_id=same_id)
        life.assert_only(DEVICE_ID if same_id else NEW_ID)
        assert not same_id or life.record() is None
    except (AssertionError, KeyError, ToolError) as exc:
        return f"killed at contact {at}: {type(exc).__name__} {exc}"
    return None
