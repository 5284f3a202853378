"""The life of an alarm, as its rule, its users and whoever is told of it see it."""

import sqlite3

import pytest
from sandbox_world import sandbox_in

from ways_device.sandbox.alarms import AlarmFilter, Alarms
from ways_device.sandbox.api_errors import AbsentError, TakenError
from ways_device.sandbox.db import Db
from ways_device.sandbox.devices import Devices
from ways_device.sandbox.keys import hashed
from ways_device.sandbox.paging import Window
from ways_device.sandbox.presence import Presence
from ways_device.sandbox.rules import Rule

NOW = 1_800_000_000.0
ALL = Window(100, 0)


def rule_in(db, rule_id, severity):
    """Return a rule that is in the database."""
    db.run(
        "INSERT INTO rules (id, name, rule_type, scope_type, config, severity, actions,"
        " cooldown_seconds, is_enabled, auto_resolve, created_at, updated_at)"
        " VALUES (?, ?, 'offline', 'fleet', '{}', ?, '[]', 0, 1, 0, 0, 0)",
        *(rule_id, f"Rule {rule_id}", severity),
    )
    return Rule(
        *(rule_id, f"Rule {rule_id}", "offline", "fleet", None, {}, severity),
        *(("create_alarm",), 0, False),
    )


class Rig:
    """changes has (event type, status, time) of everything that was told."""

    def __init__(self, db):
        self.now = NOW
        self.db = db
        self.changes = []
        self.told = None
        clock = lambda: self.now  # noqa: E731 - one line says it
        self.alarms = Alarms(db, self.on_change, clock)
        devices = Devices(db, Presence(db, clock), clock)
        for device_id in ("a", "b"):
            devices.create({"name": device_id, "device_id": device_id}, hashed("x"))

    def on_change(self, change):
        self.told = change
        at_s = change.occurred_at - NOW
        self.changes.append((change.event_type, change.alarm["status"], at_s))

    def rule(self, rule_id="r", severity="warning"):
        return rule_in(self.db, rule_id, severity)

    def steps(self, alarm_id):
        return [
            (entry["event_type"], entry["actor"], entry["note"], entry["metadata"])
            for entry in self.alarms.timeline(alarm_id)
        ]


@pytest.fixture
def rig():
    db = Db(":memory:")
    yield Rig(db)
    db.close()


def test_a_triggered_alarm_is_active_and_says_why(rig):
    alarm = rig.alarms.trigger(rig.rule(), "a", "Device offline: a", "Offline for 5 minutes")
    assert len(alarm.pop("id")) == 36
    assert alarm == {
        "device_id": "a",
        "rule_id": "r",
        "rule_name": "Rule r",
        "severity": "warning",
        "title": "Device offline: a",
        "message": "Offline for 5 minutes",
        "status": "active",
        "triggered_at": "2027-01-15T08:00:00Z",
        "occurrence_count": 1,
        "acknowledged_at": None,
        "resolved_at": None,
        "created_at": "2027-01-15T08:00:00Z",
    }


def test_a_rule_has_one_open_alarm_per_device(rig):
    rule, other = rig.rule(), rig.rule("other")
    alarm = rig.alarms.trigger(rule, "a", "t", "first")
    rig.now += 60
    again = rig.alarms.trigger(rule, "a", "t", "second")
    assert (again["id"], again["occurrence_count"]) == (alarm["id"], 2)
    assert again["triggered_at"] == alarm["triggered_at"]
    rig.alarms.acknowledge(alarm["id"], None)
    still = rig.alarms.trigger(rule, "a", "t", "third")
    assert (still["id"], still["status"], still["occurrence_count"]) == (
        alarm["id"],
        "acknowledged",
        3,
    )
    ids = {rig.alarms.trigger(rule, "b", "t", "m")["id"]}
    ids.add(rig.alarms.trigger(other, "a", "t", "m")["id"])
    assert len(ids - {alarm["id"]}) == 2
    assert rig.alarms.page(AlarmFilter(), ALL)["total"] == 3


def test_the_database_itself_keeps_a_second_open_alarm_out(rig):
    alarm = rig.alarms.trigger(rig.rule(), "a", "t", "m")
    copy = "INSERT INTO alarms SELECT 'x', device_id, rule_id, rule_name, severity, title,"
    copy += " message, 'acknowledged', 0, 1, NULL, NULL, 0 FROM alarms WHERE id = ?"
    with pytest.raises(sqlite3.IntegrityError):
        rig.db.run(copy, alarm["id"])


def test_after_an_alarm_is_resolved_the_rule_opens_a_new_one(rig):
    rule = rig.rule()
    first = rig.alarms.trigger(rule, "a", "t", "m")
    rig.alarms.resolve(first["id"], None)
    second = rig.alarms.trigger(rule, "a", "t", "m")
    assert (second["id"] != first["id"], second["occurrence_count"]) == (True, 1)


def test_the_timeline_tells_each_step_and_who_took_it(rig):
    rule = rig.rule(severity="critical")
    alarm_id = rig.alarms.trigger(rule, "a", "t", "m")["id"]
    rig.now += 900
    rig.alarms.acknowledge(alarm_id, "Investigating")
    rig.alarms.resolve(alarm_id, None)
    rig.alarms.reopen(alarm_id, "Not yet")
    rig.alarms.clear(rule, "a")
    assert rig.steps(alarm_id) == [
        ("triggered", "rule_engine", None, {"severity": "critical"}),
        ("acknowledged", "api", "Investigating", None),
        ("resolved", "api", None, None),
        ("reopened", "api", "Not yet", None),
        ("resolved", "rule_engine", None, None),
    ]
    timeline = rig.alarms.timeline(alarm_id)
    assert [entry["id"] for entry in timeline] == sorted({entry["id"] for entry in timeline})
    assert all(type(entry["id"]) is int for entry in timeline)
    assert [entry["created_at"] for entry in timeline[:2]] == [
        "2027-01-15T08:00:00Z",
        "2027-01-15T08:15:00Z",
    ]


def test_a_thousand_occurrences_are_one_entry_between_two_steps(rig):
    rule = rig.rule()
    alarm_id = rig.alarms.trigger(rule, "a", "t", "m")["id"]
    for number in range(1000):
        rig.now += 1
        rig.alarms.trigger(rule, "a", "t", f"message {number}")
    rig.alarms.acknowledge(alarm_id, None)
    rig.alarms.trigger(rule, "a", "t", "last")
    assert rig.steps(alarm_id) == [
        ("triggered", "rule_engine", None, {"severity": "warning"}),
        ("repeated", "rule_engine", None, {"occurrence_count": 1001, "message": "message 999"}),
        ("acknowledged", "api", None, None),
        ("repeated", "rule_engine", None, {"occurrence_count": 1002, "message": "last"}),
    ]
    assert rig.alarms.timeline(alarm_id)[1]["created_at"] == "2027-01-15T08:16:40Z"


def test_changes_are_told_and_mere_repetitions_are_not(rig):
    rule = rig.rule()
    alarm_id = rig.alarms.trigger(rule, "a", "t", "m")["id"]
    rig.alarms.trigger(rule, "a", "t", "m")
    rig.now += 5
    rig.alarms.acknowledge(alarm_id, None)
    rig.alarms.resolve(alarm_id, None)
    rig.alarms.reopen(alarm_id, None)
    rig.alarms.clear(rule, "a")
    rig.alarms.clear(rule, "a")
    assert rig.changes == [
        ("triggered", "active", 0),
        ("acknowledged", "acknowledged", 5),
        ("resolved", "resolved", 5),
        ("reopened", "active", 5),
        ("resolved", "resolved", 5),
    ]
    assert rig.told.alarm == rig.alarms.get(alarm_id)


def test_a_change_that_cannot_be_told_has_not_happened(rig):
    rule = rig.rule()
    alarm_id = rig.alarms.trigger(rule, "a", "t", "m")["id"]

    def fail(_change):
        raise RuntimeError

    rig.alarms._on_change = fail
    with pytest.raises(RuntimeError):
        rig.alarms.acknowledge(alarm_id, None)
    with pytest.raises(RuntimeError):
        rig.alarms.trigger(rule, "b", "t", "m")
    assert rig.alarms.get(alarm_id)["status"] == "active"
    assert rig.alarms.page(AlarmFilter(), ALL)["total"] == 1
    assert len(rig.alarms.timeline(alarm_id)) == 1


ALLOWED = {
    ("active", "acknowledge"),
    ("active", "resolve"),
    ("acknowledged", "resolve"),
    ("resolved", "reopen"),
}


@pytest.mark.parametrize("status", ["active", "acknowledged", "resolved"])
@pytest.mark.parametrize("step", ["acknowledge", "resolve", "reopen"])
def test_a_step_is_taken_from_the_right_state_only(rig, status, step):
    alarm_id = rig.alarms.trigger(rig.rule(), "a", "t", "m")["id"]
    if status != "active":
        getattr(rig.alarms, {"acknowledged": "acknowledge"}.get(status, "resolve"))(alarm_id, None)
    before = rig.alarms.get(alarm_id), rig.steps(alarm_id), list(rig.changes)
    if (status, step) in ALLOWED:
        assert getattr(rig.alarms, step)(alarm_id, None)["status"] != status
        return
    with pytest.raises(TakenError, match=f"is {status} and cannot be {step}"):
        getattr(rig.alarms, step)(alarm_id, None)
    assert (rig.alarms.get(alarm_id), rig.steps(alarm_id), rig.changes) == before


def test_times_of_steps_are_shown_and_a_reopened_alarm_has_none(rig):
    alarm_id = rig.alarms.trigger(rig.rule(), "a", "t", "m")["id"]
    rig.now += 60
    assert rig.alarms.acknowledge(alarm_id, None)["acknowledged_at"] == "2027-01-15T08:01:00Z"
    rig.now += 60
    resolved = rig.alarms.resolve(alarm_id, None)
    assert (resolved["acknowledged_at"], resolved["resolved_at"]) == (
        "2027-01-15T08:01:00Z",
        "2027-01-15T08:02:00Z",
    )
    reopened = rig.alarms.reopen(alarm_id, None)
    assert (reopened["acknowledged_at"], reopened["resolved_at"]) == (None, None)
    assert reopened["triggered_at"] == "2027-01-15T08:00:00Z"


def test_an_alarm_is_not_reopened_beside_a_newer_one_of_its_rule(rig):
    rule = rig.rule()
    first = rig.alarms.trigger(rule, "a", "t", "m")["id"]
    rig.alarms.resolve(first, None)
    second = rig.alarms.trigger(rule, "a", "t", "m")["id"]
    with pytest.raises(TakenError, match=second):
        rig.alarms.reopen(first, None)
    rig.alarms.resolve(second, None)
    assert rig.alarms.reopen(first, None)["status"] == "active"


def test_an_alarm_outlives_its_rule_but_not_its_device(rig):
    rule = rig.rule()
    ids = [rig.alarms.trigger(rule, device, "t", "m")["id"] for device in ("a", "b")]
    rig.db.run("DELETE FROM rules")
    kept = rig.alarms.get(ids[0])
    assert (kept["rule_id"], kept["rule_name"], kept["status"]) == (None, "Rule r", "active")
    rig.alarms.resolve(ids[0], None)
    assert rig.alarms.reopen(ids[0], None)["status"] == "active"
    rig.db.run("DELETE FROM devices WHERE device_id = 'a'")
    with pytest.raises(AbsentError):
        rig.alarms.get(ids[0])
    assert rig.db.scalar("SELECT count(*) FROM alarm_events") == 1
    assert rig.alarms.get(ids[1])["status"] == "active"


def test_a_rule_or_device_that_is_gone_raises_no_alarm(rig):
    rule = rig.rule()
    with pytest.raises(sqlite3.IntegrityError):
        rig.alarms.trigger(rule, "gone", "t", "m")
    rig.db.run("DELETE FROM rules")
    with pytest.raises(sqlite3.IntegrityError):
        rig.alarms.trigger(rule, "a", "t", "m")
    assert rig.alarms.page(AlarmFilter(), ALL)["total"] == 0


def test_the_summary_counts_every_state_and_the_severity_of_open_ones(rig):
    empty = {"critical": 0, "warning": 0, "info": 0}
    assert rig.alarms.summary() == {
        "by_status": {"active": 0, "acknowledged": 0, "resolved": 0},
        "by_severity": empty,
        "active_total": 0,
    }
    rules = [rig.rule(name, name) for name in ("critical", "info", "warning")]
    ids = [rig.alarms.trigger(rule, "a", "t", "m")["id"] for rule in rules]
    rig.alarms.trigger(rules[0], "b", "t", "m")
    rig.alarms.acknowledge(ids[1], None)
    rig.alarms.resolve(ids[2], None)
    assert rig.alarms.summary() == {
        "by_status": {"active": 2, "acknowledged": 1, "resolved": 1},
        "by_severity": {"critical": 2, "warning": 0, "info": 1},
        "active_total": 3,
    }


# Through the application, from here on.


@pytest.fixture
def opened(tmp_path):
    """A sandbox with four alarms of two rules and two devices. Yields (the, ids)."""
    with sandbox_in(tmp_path) as (the, parts):
        for device_id in ("a", "b"):
            the.post("/devices", json={"name": device_id, "device_id": device_id})
        alarms, ids = parts.platform.alarms, []
        for name, severity in (("r1", "critical"), ("r2", "info")):
            rule = rule_in(alarms._db, name, severity)
            for device_id in ("a", "b"):
                ids.append(alarms.trigger(rule, device_id, f"{name} {device_id}", "m")["id"])
        yield the, ids


def listed(the, ids, **params):
    found = the.get("/alarms", params=params).json()
    return [ids.index(alarm["id"]) for alarm in found["alarms"]], found["total"]


def test_the_list_shows_the_newest_first_in_the_references_envelope(opened):
    the, ids = opened
    found = the.get("/alarms").json()
    assert (found["total"], found["page"], found["page_size"]) == (4, 1, 50)
    assert list(found) == ["alarms", "total", "page", "page_size"]
    assert [alarm["id"] for alarm in found["alarms"]] == ids[::-1]
    newest = found["alarms"][0]
    assert {**newest, "triggered_at": ""} == {
        "id": ids[3],
        "device_id": "b",
        "severity": "info",
        "title": "r2 b",
        "status": "active",
        "triggered_at": "",
        "occurrence_count": 1,
    }


def test_the_list_is_filtered_and_paged(opened):
    the, ids = opened
    the.post(f"/alarms/{ids[0]}/acknowledge")
    the.post(f"/alarms/{ids[1]}/resolve")
    assert listed(the, ids, status="active") == ([3, 2], 2)
    assert listed(the, ids, status="acknowledged") == ([0], 1)
    assert listed(the, ids, severity="critical") == ([1, 0], 2)
    assert listed(the, ids, device_id="a") == ([2, 0], 2)
    assert listed(the, ids, rule_id="r2", device_id="b") == ([3], 1)
    assert listed(the, ids, device_id="' OR 1 --") == ([], 0)
    assert listed(the, ids, page=2, page_size=3) == ([0], 4)
    assert listed(the, ids, limit=2, offset=1) == ([2, 1], 4)


@pytest.mark.parametrize(
    "query", ["status=open", "severity=bad", "page=0", "page_size=101", "limit=0", "offset=-1"]
)
def test_a_filter_that_can_match_nothing_is_refused(opened, query):
    assert opened[0].get(f"/alarms?{query}").status_code == 422


def test_steps_are_taken_with_a_note_with_null_and_without_a_body(opened):
    the, ids = opened
    for options in ({"json": {"note": "n"}}, {"json": {"note": None}}, {"json": {}}, {}):
        for step, status in (("acknowledge", "acknowledged"), ("resolve", "resolved")):
            answer = the.post(f"/alarms/{ids[0]}/{step}", **options)
            assert (answer.status_code, answer.json()["status"]) == (200, status)
        assert the.post(f"/alarms/{ids[0]}/reopen", **options).json()["status"] == "active"
    notes = [entry["note"] for entry in the.get(f"/alarms/{ids[0]}/timeline").json()]
    assert notes == [None] + ["n"] * 3 + [None] * 9


def test_a_refused_step_says_the_state_in_a_409(opened):
    the, ids = opened
    answer = the.post(f"/alarms/{ids[0]}/reopen")
    assert answer.status_code == 409
    assert answer.json() == {"detail": f"Alarm {ids[0]} is active and cannot be reopened"}


@pytest.mark.parametrize("body", [{"note": 7}, {"note": "x" * 4097}, [], "note"])
def test_a_note_that_is_no_short_text_is_422(opened, body):
    the, ids = opened
    assert the.post(f"/alarms/{ids[0]}/resolve", json=body).status_code == 422


@pytest.mark.parametrize(
    ("method", "path"),
    [("get", ""), ("get", "/timeline")]
    + [("post", f"/{step}") for step in ("acknowledge", "resolve", "reopen")],
)
def test_an_alarm_that_is_not_there_is_404(opened, method, path):
    assert getattr(opened[0], method)(f"/alarms/no{path}").status_code == 404
