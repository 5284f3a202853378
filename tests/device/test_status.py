import json
import sys

from fakes.board import FakeBoard
from fakes.clock import FakeClock
from firmware.status import Status

MINUTE_MS = 60_000


class Machine(FakeBoard):
    def unique_id(self):
        return bytes(6)


class Rig:
    def __init__(self, epoch_s=None):
        self.battery_pct, self.rssi = 85, -61
        self.clock = FakeClock(epoch_s=epoch_s)
        self.status = Status(self.clock, self.level_pct, lambda: self.rssi, (Machine(), [], None))

    def level_pct(self):
        return self.battery_pct

    def due_within(self, minutes):
        """Return after how many minutes a status is due, None if it is not."""
        for minute in range(1, minutes + 1):
            self.clock.now += MINUTE_MS
            if self.status.is_due():
                return minute
        return None


def test_the_document_tells_what_the_platform_shows():
    rig = Rig(epoch_s=1795392000)
    rig.clock.now = 5500
    fields = json.loads(rig.status.document())
    assert fields.pop("memory_free") > 1000
    assert fields == {
        "status": "online", "uptime": 5, "battery_level": 85, "signal_strength": -61,
        "timestamp": 1795392000,
    }  # fmt: skip


def test_what_is_not_there_is_left_out():
    rig = Rig()
    rig.battery_pct = rig.rssi = None
    fields = json.loads(rig.status.document())
    assert sorted(fields) == ["memory_free", "status", "uptime"]


def test_attributes_tell_version_and_model():
    fields = json.loads(Rig().status.attributes())
    assert fields["model"] == FakeBoard.model and fields["firmware_version"].count(".") == 2
    assert "firmware.about" not in sys.modules


def test_a_quiet_device_tells_every_quarter_of_an_hour():
    rig = Rig()
    assert rig.status.is_due()
    rig.status.document()
    assert rig.due_within(20) == 15


def test_a_step_of_battery_or_signal_is_told_after_a_minute_at_the_earliest():
    for change in ({"battery_pct": 80}, {"rssi": -71}, {"rssi": None}, {"battery_pct": None}):
        rig = Rig()
        rig.status.document()
        for name, value in change.items():
            setattr(rig, name, value)
        rig.clock.now += MINUTE_MS - 1
        assert not rig.status.is_due()
        rig.clock.now += 1
        assert rig.status.is_due(), change


def test_less_than_a_step_waits():
    rig = Rig()
    rig.status.document()
    rig.battery_pct, rig.rssi = 81, -70
    assert rig.due_within(20) == 15


def test_a_new_session_is_told_at_once():
    rig = Rig()
    rig.status.document()
    rig.status.forget()
    assert rig.status.is_due()
