"""Devices listed, shown, taken out of service; platform, journal and boards compared."""

import json
from contextlib import suppress

import pytest
from lifecycle_rig import TAGS, Life
from provisioning import DEVICE_ID, ORIGIN, Killed, Killer, Rig

from ways_device.errors import BoardError, NotFoundError, ToolError
from ways_device.journal import Entry, Journal
from ways_device.lifecycle import devices
from ways_device.lifecycle.audit import ORPHAN
from ways_device.lifecycle.board import Plugged, glance
from ways_device.lifecycle.record import DECOMMISSION, Record, Records


@pytest.fixture
def life(tmp_path):
    return Life(tmp_path)


def add(life, device_id, **fields):
    life.platform.devices[device_id] = {
        "device_id": device_id,
        "name": f"Name of {device_id}",
        "is_online": False,
        "metadata": {},
        **fields,
    }
    return device_id


# Listed and shown.


def test_devices_are_found_by_name_tag_and_state(life):
    add(life, "attic-1", is_online=True)
    add(life, "attic-2")
    life.platform.tags["attic-2"] = ["production"]
    platform = life.context().platform

    def found(**filters):
        return [device["device_id"] for device in devices.listed(platform, **filters)]

    assert found() == [DEVICE_ID, "attic-1", "attic-2"]
    assert found(search="ATTIC") == ["attic-1", "attic-2"]
    assert found(search="name of") == ["attic-1", "attic-2"]
    assert found(tag="production") == [DEVICE_ID, "attic-2"]
    assert found(online=True) == [DEVICE_ID, "attic-1"]
    assert found(tag="production", search="attic") == ["attic-2"]


def test_one_device_is_shown_with_all_that_is_known(life):
    alarm = {"id": "a1", "severity": "critical", "title": "Too warm", "triggered_at": "t"}
    life.platform.alarms = [
        {**alarm, "device_id": DEVICE_ID, "status": "active"},
        {**alarm, "id": "a2", "device_id": DEVICE_ID, "status": "resolved"},
        {**alarm, "id": "a3", "device_id": "other", "status": "active"},
    ]
    life.platform.devices[DEVICE_ID]["metadata"]["profile"] = "prof-0"
    context = life.context()
    record = devices.shown(context.platform, context.journal, DEVICE_ID)
    assert record["tags"] == TAGS
    assert record["health"] == {"health_score": 91, "health_status": "healthy"}
    assert record["profile"] == "ways-device every 5 s"
    assert record["journal"] == "done"
    assert [one["name"] for one in record["latest"]] == ["internal_temperature"]
    assert [one["id"] for one in record["open_alarms"]] == ["a1"]
    lines = devices.as_lines(record)
    assert lines["health"] == "healthy (91)"
    assert lines["latest internal_temperature"].startswith("21.5 degC at ")
    assert lines["alarm 1"] == "critical Too warm, active since t"


def test_settings_of_its_board_tell_a_profile_that_nothing_else_tells(life):
    context = life.context()
    config = life.board.files["/config.json"].decode()
    for known, profile in ((None, None), (config, "ways-device every 5 s")):
        record = devices.shown(context.platform, context.journal, DEVICE_ID, known)
        assert record["profile"] == profile


def test_text_of_the_platform_cannot_steer_a_terminal(life):
    life.platform.devices[DEVICE_ID]["name"] = "\x1b[31mred\nsecond"
    context = life.context()
    lines = devices.as_lines(devices.shown(context.platform, context.journal, DEVICE_ID))
    assert lines["name"] == "red second"


def test_unknown_device_is_told(life):
    context = life.context()
    with pytest.raises(NotFoundError, match="ways-device list shows all"):
        devices.shown(context.platform, context.journal, "nobody")


# Out of service.


def test_decommissioned_device_is_gone_everywhere(life):
    (ended,) = life.decommission(DEVICE_ID, wipe=True)
    assert ended.deleted and ended.board_wiped
    assert any("datapoint" in words for words in ended.lost)
    assert life.platform.devices == {}
    assert life.board.body is None
    assert not life.board.held
    assert life.entry is None
    assert Records(life.records_folder).all(ORIGIN) == []
    # The board is as good as new.
    Rig.run(life)
    assert list(life.platform.devices) == [DEVICE_ID]


def test_board_that_is_another_device_stops_it_before_anything_is_deleted(life):
    other = add(life, "other")
    with pytest.raises(BoardError, match=f"is {DEVICE_ID}, not one of these devices"):
        life.decommission(other, wipe=True)
    assert other in life.platform.devices
    assert life.board.body is not None
    assert not life.board.held


def test_killed_at_any_contact_the_same_command_ends_it(tmp_path):
    whole = Killer()
    Life(tmp_path / "whole").decommission(DEVICE_ID, killer=whole, wipe=True)
    assert whole.contacts > 15
    for at in range(1, whole.contacts + 1):
        life = Life(tmp_path / str(at))
        with pytest.raises(Killed):
            life.decommission(DEVICE_ID, killer=Killer(at), wipe=True)
        # What was all done but for the last note of it is not begun again.
        with suppress(NotFoundError):
            life.decommission(DEVICE_ID, wipe=True)
        assert life.board.body is None, at
        assert life.platform.devices == {}, at
        assert life.entry is None, at
        assert Records(life.records_folder).all(ORIGIN) == [], at


def test_unknown_device_is_not_decommissioned(life):
    with pytest.raises(NotFoundError, match="there is no device nobody"):
        life.decommission("nobody")


def test_device_that_somebody_deleted_is_forgotten_here_too(life):
    del life.platform.devices[DEVICE_ID]
    (ended,) = life.decommission(DEVICE_ID)
    assert ended.lost == ["nothing: the platform has it no more"]
    assert life.entry is None


# Compared.


def test_board_that_was_looked_at_runs_on_whatever_happens(life):
    starts = life.board.starts
    assert glance(life.board).identity == DEVICE_ID
    assert life.board.starts == starts + 1
    life.board.ask = lambda *_: 1 / 0
    with pytest.raises(ZeroDivisionError):
        glance(life.board)
    assert life.board.starts == starts + 2


def kinds(found):
    return {one.finding: one.device_id for one in found}


def test_all_that_agrees_is_no_finding(life):
    assert life.audit(life.plugged()).findings() == []


def killed(life, place):
    """Begin another device on another board, and stop behind this contact."""
    whole, twin = Killer(), Life(life.folder.parent / "twin")
    twin.board.unique_id = "ffffffffffff"
    twin.board.body = None
    Rig.run(twin, whole)
    life.board.unique_id, life.board.body = "ffffffffffff", None
    with pytest.raises(Killed):
        Rig.run(life, Killer(whole.places.index(place) + 1))
    return "esp32-ffffffffffff"


@pytest.mark.parametrize("place", ["before registered", "after registered", "after verified"])
def test_device_that_was_begun_here_and_never_seen_is_an_orphan(life, place):
    device_id = killed(life, place)
    audit = life.audit()
    found = audit.findings()
    assert kinds(found) == {ORPHAN: device_id}
    assert device_id in found[0].todo
    audit.delete_orphans(found, life.context().talk)
    assert found[0].deleted
    assert list(life.platform.devices) == [DEVICE_ID]
    assert life.audit().findings() == []


def test_nothing_is_an_orphan_that_is_not_provably_ours(life):
    device_id = killed(life, "after registered")
    device = life.platform.devices[device_id]
    for change in (
        {"last_seen": "2026-01-01T00:00:00Z"},
        {"is_online": True},
        {"metadata": {"board": "of another computer"}},
        {"metadata": {}},
    ):
        life.platform.devices[device_id] = {**device, **change}
        assert ORPHAN not in kinds(life.audit().findings()), change
    life.platform.devices[device_id] = device
    board = Plugged("/dev/fake", "ffffffffffff", device_id, None)
    assert kinds(life.audit(board).findings()) == {"unfinished": device_id}


def test_orphan_that_came_to_life_meanwhile_is_left_alone(life):
    device_id = killed(life, "after registered")
    audit = life.audit()
    found = audit.findings()
    Journal(life.folder).save(Entry(ORIGIN, device_id, "done"))
    with pytest.raises(ToolError, match="no orphan any more"):
        audit.delete_orphans(found, life.context().talk)
    assert device_id in life.platform.devices


def test_orphan_that_is_being_finished_is_left_alone(life):
    device_id = killed(life, "after registered")
    audit = life.audit()
    found = audit.findings()
    with (
        Journal(life.folder).lock(ORIGIN, device_id),
        pytest.raises(ToolError, match="another ways-device is at work"),
    ):
        audit.delete_orphans(found, life.context().talk)
    assert device_id in life.platform.devices


def test_what_lacks_its_counterpart_is_named(life):
    add(life, "silent")
    del life.platform.devices[DEVICE_ID]
    records = Records(life.records_folder)
    records.save(Record(DECOMMISSION, ORIGIN, "half-gone"))
    blank = Plugged("/dev/blank", "0", None, None)
    found = life.audit(life.plugged(), blank, BoardError("/dev/x is silent; press")).findings()
    assert sorted((one.finding, one.device_id) for one in found) == [
        ("begun", "half-gone"),
        ("board_gone", DEVICE_ID),
        ("board_silent", ""),
        ("board_spare", ""),
        ("journal_only", DEVICE_ID),
        ("never_seen", "silent"),
    ]
    json.dumps([one.as_json() for one in found])
    assert all(one.todo for one in found)


def test_other_accounts_are_not_compared(life):
    Journal(life.folder).save(Entry("https://other.test", "theirs", "registered"))
    Records(life.records_folder).save(Record(DECOMMISSION, "https://other.test", "theirs"))
    assert life.audit(life.plugged()).findings() == []
