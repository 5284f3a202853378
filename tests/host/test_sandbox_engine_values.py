"""Threshold rules: operators, types, durations, and values that come late or out of order."""

import pytest
from rules_rig import NOW, rig_in

HOT = {"field": "t", "operator": "gt", "value": 35}
LONG = {**HOT, "duration_seconds": 300}


@pytest.fixture
def rig(tmp_path):
    with rig_in(tmp_path) as rig:
        rig.register("a", "b")
        for key, data_type in (("t", "number"), ("door", "boolean"), ("mode", "string")):
            rig.define(key, data_type)
        yield rig


@pytest.mark.parametrize(
    ("spellings", "held"),
    [
        (("gt", ">"), [36]),
        (("gte", ">="), [35, 36]),
        (("lt", "<"), [34]),
        (("lte", "<="), [34, 35]),
        (("eq", "=="), [35]),
        (("ne", "!="), [34, 36]),
    ],
)
def test_operators_in_both_spellings(rig, spellings, held):
    for operator in spellings:
        rig.rule("threshold", {**HOT, "operator": operator}, name=operator)
    for value in (34, 35.0, 36):
        rig.register(f"d{value:.0f}")
        rig.publish(f"d{value:.0f}", {"t": value})
    expected = [f"d{value}" for value in held for _ in spellings]
    assert [device_id for device_id, _, _ in rig.alarms()] == expected


@pytest.mark.parametrize(
    ("config", "quiet", "loud"),
    [
        ({"key": "door", "operator": "eq", "value": True}, {"door": False}, {"door": True}),
        ({"key": "mode", "operator": "ne", "value": "eco"}, {"mode": "eco"}, {"mode": "max"}),
        # Of another type than the datapoint: nothing can be said of it.
        ({"key": "door", "operator": "ne", "value": 1}, {"door": False}, None),
        ({"key": "t", "operator": "eq", "value": True}, {"t": 1}, None),
        ({"key": "mode", "operator": "gt", "value": 1}, {"mode": "2"}, None),
    ],
)
def test_values_are_compared_with_their_like(rig, config, quiet, loud):
    rig.rule("threshold", config)
    rig.publish("a", quiet)
    assert rig.alarms() == []
    if loud is not None:
        rig.publish("a", loud)
        assert rig.alarms() == [("a", "active", 1)]


def test_a_datapoint_is_named_by_id_or_key_and_may_come_later(rig):
    datapoint_id = rig.define("p")
    rig.rule("threshold", {**HOT, "datapoint_id": datapoint_id, "field": "ignored"})
    rig.rule("threshold", {**HOT, "key": "later", "field": "later"})
    rig.rule("threshold", {**HOT, "datapoint_id": "dp-abc123"})
    rig.publish("a", {"p": 36, "later": 36, "t": 36})
    assert rig.alarms() == [("a", "active", 1)]
    rig.define("later")
    rig.publish("a", {"p": 36, "later": 36})
    assert rig.alarms() == [("a", "active", 1), ("a", "active", 1)]
    assert rig.last_alarm() == ("later > 35: a", "later is 36, > 35")


def test_either_topic_tree_counts(rig):
    rig.rule("threshold", HOT)
    rig.publish("a", {"t": 36}, category="sensors/t")
    rig.publish("b", 36, category="sensors/t")
    assert [device_id for device_id, _, _ in rig.alarms()] == ["a", "b"]


def test_a_duration_passes_by_time_alone(rig):
    rig.rule("threshold", LONG)
    rig.publish("a", {"t": 36.5})
    rig.wait(299)
    assert rig.alarms() == []
    rig.wait(1)
    assert rig.alarms() == [("a", "active", 1)]
    assert rig.last_alarm() == ("t > 35: a", "t is 36.5, > 35 for 5 minutes")
    rig.wait(600)
    assert rig.alarms() == [("a", "active", 1)]


def test_a_duration_passes_by_what_was_measured(rig):
    rig.rule("threshold", LONG)
    for age_s in (1000, 800, 701):
        rig.publish("a", {"t": 36}, at=rig.now - age_s)
    assert rig.alarms() == []
    rig.publish("a", {"t": 37}, at=rig.now - 700)
    assert (rig.alarms(), rig.last_alarm()[1]) == (
        [("a", "active", 1)],
        "t is 37, > 35 for 5 minutes",
    )


def test_a_duration_starts_anew_after_any_value_within_the_limit(rig):
    rig.rule("threshold", LONG)
    for _ in range(5):
        rig.publish("a", {"t": 36})
        rig.wait(200)
        rig.publish("a", {"t": 35})
        rig.publish("a", {"t": 36})
    assert rig.alarms() == []
    rig.wait(300)
    assert rig.alarms() == [("a", "active", 1)]


def test_a_value_older_than_the_newest_says_nothing(rig):
    rig.rule("threshold", HOT, auto_resolve=True)
    rig.publish("a", {"t": 20}, at=rig.now)
    for age_s in (10, 1):
        rig.publish("a", {"t": 99}, at=rig.now - age_s)
    assert rig.alarms() == []
    rig.publish("a", {"t": 36}, at=rig.now)
    rig.publish("a", {"t": 20}, at=rig.now - 1)
    assert rig.alarms() == [("a", "active", 1)]
    # Of another device, or another datapoint, it is the newest.
    rig.publish("b", {"t": 99}, at=rig.now - 3600)
    assert rig.alarms() == [("a", "active", 1), ("b", "active", 1)]


def test_the_newest_value_is_known_after_a_restart_and_before_the_first_rule(tmp_path):
    with rig_in(tmp_path) as rig:
        rig.register("a")
        rig.define("t")
        rig.publish("a", {"t": 20}, at=NOW)
    with rig_in(tmp_path, NOW + 60) as rig:
        rig.rule("threshold", HOT)
        rig.publish("a", {"t": 99}, at=NOW - 1)
        assert rig.alarms() == []
        rig.publish("a", {"t": 99}, at=NOW + 1)
        assert rig.alarms() == [("a", "active", 1)]


def test_a_backlog_that_comes_in_a_burst_is_judged_by_its_own_times(rig):
    """Each value stood for a minute only, though the first one is an hour old when it arrives."""
    rig.rule("threshold", LONG)
    for minute in range(60):
        value = 36 if minute % 4 else 20
        rig.publish("a", {"t": value}, at=NOW - 3600 + 60 * minute)
        if minute % 5 == 0:
            rig.wait(1)
    assert rig.alarms() == []


def test_a_backlog_beside_live_values_raises_nothing(rig):
    rig.rule("threshold", LONG, auto_resolve=True)
    for second in range(600):
        rig.now = NOW + second
        rig.publish("a", {"t": 20}, at=rig.now)
        rig.publish("a", {"t": 99}, at=NOW - 3600 + second)
        rig.parts.engine.tick()
    assert rig.alarms() == []


def test_a_clock_that_runs_ahead_does_not_silence_a_rule(rig):
    rig.rule("threshold", HOT)
    rig.publish("a", {"t": 20}, at=rig.now + 80_000)
    rig.wait(1)
    rig.publish("a", {"t": 36}, at=rig.now)
    assert rig.alarms() == [("a", "active", 1)]


def test_a_clock_that_runs_ahead_does_not_silence_a_rule_after_a_restart(tmp_path):
    with rig_in(tmp_path) as rig:
        rig.register("a")
        rig.define("t")
        rig.rule("threshold", HOT)
        rig.publish("a", {"t": 20}, at=NOW + 80_000)
    with rig_in(tmp_path, NOW + 60) as rig:
        rig.publish("a", {"t": 36}, at=rig.now)
        assert rig.alarms() == [("a", "active", 1)]


def test_a_duration_does_not_run_out_while_the_sandbox_is_down(tmp_path):
    with rig_in(tmp_path) as rig:
        rig.register("a", "b")
        rig.define("t")
        rig.rule("threshold", LONG)
        for device_id in ("a", "b"):
            rig.publish(device_id, {"t": 36})
        rig.wait(200)
    with rig_in(tmp_path, NOW + 10_000) as rig:
        rig.wait(59)
        assert rig.alarms() == []
        rig.publish("a", {"t": 20})
        rig.wait(1)
        assert rig.alarms() == [("b", "active", 1)]


def test_values_that_no_rule_is_about_cost_no_query(rig):
    datapoints = {name: rig.define(name) for name in ("x", "y")}
    rig.rule("threshold", {**HOT, "field": "x"})
    on_value = rig.parts.engine.on_value

    def queries(name, value, measured_at):
        asked = []
        execute = rig.db._execute
        rig.db._execute = lambda sql, values: asked.append(sql) or execute(sql, values)
        try:
            on_value("a", datapoints[name], value, measured_at, rig.now)
        finally:
            del rig.db._execute
        return len(asked)

    rig.now += 5
    for name in ("x", "y"):
        queries(name, 20, NOW)
    assert queries("y", 99, NOW + 1) == 0
    # Nor does a value that leaves everything as it is.
    assert queries("x", 20, NOW + 1) == 0
    assert queries("x", 99, NOW) == 0
    assert queries("x", 99, NOW + 2) > 0
    assert rig.alarms() == [("a", "active", 1)]
