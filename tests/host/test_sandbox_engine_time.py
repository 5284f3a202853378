"""Rules that are looked at by time: silence, rates, and what a restart does to them."""

import pytest
from rules_rig import NOW, rig_in

OFF = {"timeout_seconds": 120}


@pytest.fixture
def rig(tmp_path):
    with rig_in(tmp_path) as rig:
        rig.register("a")
        rig.define("t")
        yield rig


def test_a_device_is_offline_when_its_last_session_is_over_for_long_enough(rig):
    rig.rule("offline", OFF, auto_resolve=True, name="Gone")
    rig.connect("a")
    rig.wait(1000)
    rig.disconnect("a")
    rig.wait(119)
    assert rig.alarms() == []
    rig.wait(1)
    assert rig.alarms() == [("a", "active", 1)]
    assert rig.last_alarm() == ("Device offline: a", "Device has been offline for 2 minutes")
    # What it left behind may still come in; that is no session.
    rig.publish("a", {"t": 1})
    rig.wait(60)
    assert rig.alarms() == [("a", "active", 1)]
    rig.connect("a")
    rig.wait(1)
    assert rig.alarms() == [("a", "resolved", 1)]


def test_a_device_that_is_gone_again_is_told_of_when_the_cooldown_ends(rig):
    rig.rule("offline", OFF, auto_resolve=True, cooldown_seconds=1000)
    rig.wait(120)
    for _ in range(3):
        rig.connect("a")
        rig.wait(1)
        rig.disconnect("a")
        rig.wait(200)
    assert rig.alarms() == [("a", "resolved", 1)]
    rig.wait(396)
    assert rig.alarms() == [("a", "resolved", 1)]
    rig.wait(1)
    assert rig.alarms() == [("a", "resolved", 1), ("a", "active", 1)]


def test_short_breaks_are_no_absence(rig):
    rig.rule("offline", OFF)
    for _ in range(10):
        rig.connect("a")
        rig.wait(10)
        rig.disconnect("a")
        rig.wait(119)
    assert rig.alarms() == []


@pytest.mark.parametrize("rule_type", ["offline", "missing_data"])
def test_a_device_that_never_came_counts_from_its_registration(rig, rule_type):
    rig.now += 1000
    rig.register("b")
    rig.rule(rule_type, {}, scope_type="device", scope_device_id="b")
    rig.wait(299)
    assert rig.alarms() == []
    rig.wait(1)
    assert rig.alarms() == [("b", "active", 1)]


def test_data_is_missing_when_none_of_either_tree_came_for_long_enough(rig):
    rig.rule("missing_data", OFF, auto_resolve=True)
    rig.connect("a")
    for category in ("telemetry", "sensors/t"):
        rig.wait(119)
        rig.publish("a", {"t": 1}, category=category)
    rig.wait(119)
    rig.publish("a", {"battery_level": 50}, category="status")
    assert rig.alarms() == []
    rig.wait(1)
    assert rig.alarms() == [("a", "active", 1)]
    assert rig.last_alarm() == ("No data: a", "Device has sent no telemetry for 2 minutes")
    # It counts when it arrives, whatever it claims.
    rig.publish("a", {"t": 1}, at=rig.now - 5000)
    rig.wait(1)
    assert rig.alarms() == [("a", "resolved", 1)]


def test_data_is_missing_after_two_intervals_of_the_profile_if_the_rule_does_not_say(rig):
    rig.register("b")
    body = {"name": "p", "reporting_interval_seconds": 20}
    profile_id = rig.call("post", "/profiles", body)["id"]
    rig.call("post", f"/profiles/{profile_id}/apply/a")
    rig.rule("missing_data")
    rig.wait(39)
    assert rig.alarms() == []
    rig.wait(1)
    assert rig.alarms() == [("a", "active", 1)]
    rig.wait(260)
    assert rig.alarms() == [("a", "active", 1), ("b", "active", 1)]


def test_too_many_messages_of_any_kind(rig):
    rig.rule("message_rate", {"max": 4, "window_seconds": 120}, auto_resolve=True)
    for category in ("telemetry", "status", "attributes", "sensors/t", "telemetry"):
        rig.wait(20)
        rig.publish("a", {"t": 1}, category=category)
    rig.wait(19)
    assert rig.alarms() == []
    rig.wait(1)
    assert rig.alarms() == [("a", "active", 1)]
    assert rig.last_alarm() == ("Message rate: a", "5 messages in 2 minutes, > 4")
    rig.wait(60)
    assert rig.alarms() == [("a", "resolved", 1)]


def test_messages_are_counted_up_once_a_minute(rig):
    rig.rule("message_rate", {"max": 4, "window_seconds": 86_400})
    rig.wait(60 - rig.now % 60)
    execute, asked = rig.db._execute, []

    def counting(sql, values):
        asked.append("traffic" in sql)
        return execute(sql, values)

    rig.db._execute = counting
    rig.wait(59)
    assert (any(asked), len(asked) > 0) == (False, True)
    rig.wait(1)
    assert sum(asked) == 1


def test_too_few_messages_once_a_device_had_the_whole_window(rig):
    rig.wait(30)
    rig.register("b")
    rig.rule("message_rate", {"min": 2, "window_seconds": 61}, auto_resolve=True)
    for _ in range(4):
        rig.publish("a", {"t": 1})
        rig.wait(30)
    # b was not there for the whole of the first two minutes; the window is two whole minutes.
    assert rig.alarms() == []
    rig.wait(30)
    assert rig.alarms() == [("b", "active", 1)]
    assert rig.last_alarm()[1] == "0 messages in 1 minute, < 2"
    for _ in range(2):
        rig.publish("b", {"t": 1})
    rig.wait(60)
    assert rig.alarms() == [("b", "resolved", 1), ("a", "active", 1)]


def test_a_device_made_active_again_gets_a_whole_window(rig):
    rig.rule("message_rate", {"min": 1, "window_seconds": 60})
    rig.call("patch", "/devices/a", {"is_active": False})
    rig.wait(150)
    rig.call("patch", "/devices/a", {"is_active": True})
    rig.wait(89)
    assert rig.alarms() == []
    rig.wait(1)
    assert rig.alarms() == [("a", "active", 1)]


@pytest.mark.parametrize(
    ("operator", "raised"),
    [("gt", False), ("gte", True), ("lt", False), ("lte", True), ("eq", True), ("ne", False)],
)
def test_a_rate_is_compared_in_each_way(rig, operator, raised):
    config = {"operator": operator, "value": 2, "window_seconds": 60}
    rig.rule("message_rate", config)
    rig.rule("reconnect_rate", config)
    for _ in range(2):
        rig.publish("a", {"t": 1})
        rig.connect("a")
    rig.connect("a")  # the first one is no reconnect

    def titles():
        return [row["title"] for row in rig.db.all("SELECT title FROM alarms")]

    rig.wait(1)
    assert titles() == (["Reconnect rate: a"] if raised else [])
    rig.wait(59)
    assert ("Message rate: a" in titles()) is raised


def test_too_many_reconnects(rig):
    config = {"max_reconnects": 3, "window_seconds": 600}
    rig.rule("reconnect_rate", config, auto_resolve=True)
    for _ in range(4):  # the first one is no reconnect
        rig.connect("a")
        rig.wait(10)
        rig.disconnect("a")
    assert rig.alarms() == []
    rig.connect("a")
    rig.wait(1)
    assert rig.alarms() == [("a", "active", 1)]
    assert rig.last_alarm() == ("Reconnect rate: a", "4 reconnects in 10 minutes, > 3")
    rig.wait(568)
    assert rig.alarms() == [("a", "active", 1)]
    rig.wait(1)
    assert rig.alarms() == [("a", "resolved", 1)]


@pytest.mark.parametrize("is_killed", [False, True])
@pytest.mark.parametrize("timeout_s", [5, 120])
def test_devices_have_time_to_come_back_after_a_restart(tmp_path, is_killed, timeout_s):
    """A minute, or the rule's own timeout if that is longer."""
    with rig_in(tmp_path) as rig:
        rig.register("a", "b")
        rig.define("t")
        for rule_type in ("offline", "missing_data"):
            rig.rule(rule_type, {"timeout_seconds": timeout_s}, auto_resolve=True)
        for device_id in ("a", "b"):
            rig.connect(device_id)
            rig.publish(device_id, {"t": 1})
        rig.wait(1)
        if not is_killed:
            rig.parts.presence.all_closed()
    grace_s = max(60, timeout_s)
    with rig_in(tmp_path, NOW + 50_000) as rig:
        rig.wait(grace_s - 4)
        assert rig.alarms() == []
        rig.connect("a")
        rig.publish("a", {"t": 1})
        rig.wait(3)
        assert rig.alarms() == []
        rig.wait(1)
        assert rig.alarms() == [("b", "active", 1), ("b", "active", 1)]


def test_a_new_device_needs_no_grace(tmp_path):
    with rig_in(tmp_path) as rig:
        rig.rule("offline", {"timeout_seconds": 5})
    with rig_in(tmp_path, NOW + 50_000) as rig:
        rig.register("new")
        rig.wait(4)
        assert rig.alarms() == []
        rig.wait(1)
        assert rig.alarms() == [("new", "active", 1)]


def test_an_alarm_survives_the_restart_and_ends_with_its_cause(tmp_path):
    with rig_in(tmp_path) as rig:
        rig.register("a")
        rig.define("t")
        rig.rule("offline", {"timeout_seconds": 5}, auto_resolve=True)
        rig.rule("missing_data", {"timeout_seconds": 5}, auto_resolve=True)
        rig.wait(10)
        before = rig.alarms()
    assert before == [("a", "active", 1), ("a", "active", 1)]
    with rig_in(tmp_path, NOW + 50_000) as rig:
        rig.wait(300)
        assert rig.alarms() == before
        rig.connect("a")
        rig.publish("a", {"t": 1})
        rig.wait(1)
        assert rig.alarms() == [("a", "resolved", 1), ("a", "resolved", 1)]


def test_too_few_messages_are_not_blamed_on_a_device_when_the_sandbox_was_down(tmp_path):
    with rig_in(tmp_path) as rig:
        rig.register("a")
        rig.rule("message_rate", {"min": 1, "window_seconds": 60})
        rig.publish("a", {"t": 1})
    with rig_in(tmp_path, NOW + 60_000) as rig:
        rig.wait(119)
        assert rig.alarms() == []
        rig.wait(1)
        assert rig.alarms() == [("a", "active", 1)]
