"""Who is told of what: the filters of a policy, its cooldown, and webhooks of rules."""

import json
from contextlib import closing

import pytest
from notification_rig import World

from ways_device.sandbox import notifier


@pytest.fixture
def world(tmp_path):
    with closing(World(tmp_path / "db")) as world:
        world.device("d1", profile_id="p1", group_id="g1")
        world.device("d2", profile_id="p2", group_id="g2")
        yield world


def test_a_change_is_queued_once_for_each_enabled_channel_of_the_policy(world):
    channels = [world.channel(), world.channel(is_enabled=False), world.channel()]
    world.channel()  # nobody's
    policy_id = world.policy(*channels)
    alarm = world.alarms.trigger(world.rule(), "d1", "Offline", "for 5 min")
    assert [row["channel_id"] for row in world.rows()] == [channels[0], channels[2]]
    row = world.rows()[0]
    assert (row["status"], row["attempts"], row["next_attempt_at"]) == ("pending", 0, world.now)
    assert json.loads(row["message"]) == {
        "id": row["id"],
        "event_type": "triggered",
        "occurred_at": "2027-01-15T08:00:00Z",
        "policy": {"id": policy_id, "name": "P"},
        "alarm": alarm,
    }


def test_a_change_that_is_undone_tells_nobody(world):
    world.policy(world.channel())
    rule = world.rule()
    with pytest.raises(RuntimeError), world.db.transaction():
        world.alarms.trigger(rule, "d1", "T", "M")
        raise RuntimeError
    assert world.rows() == []


@pytest.mark.parametrize(
    ("fields", "is_told"),
    [
        ({}, True),
        ({"severity_filter": ["critical"]}, True),
        ({"severity_filter": ["warning", "info"]}, False),
        ({"severity_filter": []}, True),
        ({"rule_ids": ["r", "other"]}, True),
        ({"rule_ids": ["other"]}, False),
        ({"rule_ids": None}, True),
        ({"event_types": ["triggered"]}, True),
        ({"event_types": ["acknowledged", "resolved"]}, False),
        ({"scope_type": "fleet", "scope_ids": ["d2"]}, True),
        ({"scope_type": "device", "scope_ids": ["d1", "d9"]}, True),
        ({"scope_type": "device", "scope_ids": ["d2"]}, False),
        ({"scope_type": "group", "scope_ids": ["g1"]}, True),
        ({"scope_type": "group", "scope_ids": ["g2"]}, False),
        ({"scope_type": "profile", "scope_ids": ["p1"]}, True),
        ({"scope_type": "profile", "scope_ids": ["p2"]}, False),
        ({"is_enabled": False}, False),
    ],
)
def test_each_filter_of_a_policy_decides(world, fields, is_told):
    world.policy(world.channel(), **fields)
    world.alarms.trigger(world.rule(), "d1", "T", "M")
    assert bool(world.rows()) == is_told


def test_each_kind_of_event_is_told_and_reopened_counts_as_triggered(world):
    channel = world.channel()
    world.policy(channel, event_types=["triggered"], cooldown_seconds=0)
    alarm_id = world.alarms.trigger(world.rule(), "d1", "T", "M")["id"]
    world.alarms.acknowledge(alarm_id, None)
    world.alarms.resolve(alarm_id, None)
    world.alarms.reopen(alarm_id, None)
    assert world.told() == ["triggered", "reopened"]
    world.policy(channel, event_types=["acknowledged", "resolved"], cooldown_seconds=0)
    world.alarms.acknowledge(alarm_id, None)
    world.alarms.resolve(alarm_id, None)
    assert world.told()[2:] == ["acknowledged", "resolved"]


def test_within_the_cooldown_a_rule_and_device_are_told_of_once(world):
    world.policy(world.channel(), cooldown_seconds=300, event_types=["triggered"])
    rule, other = world.rule(), world.rule("r2")

    def flap(rule=rule, device_id="d1"):
        alarm = world.alarms.trigger(rule, device_id, "T", "M")
        world.alarms.resolve(alarm["id"], None)

    flap()
    world.now += 299
    flap()
    assert len(world.rows()) == 1
    flap(other)
    flap(device_id="d2")
    assert len(world.rows()) == 3
    world.now += 1
    flap()
    assert len(world.rows()) == 4


def test_the_cooldown_is_each_policys_own(world):
    channel = world.channel()
    world.policy(channel, cooldown_seconds=300, event_types=["triggered"])
    world.policy(channel, cooldown_seconds=0, event_types=["triggered"])
    rule = world.rule()
    for _ in range(3):
        world.alarms.resolve(world.alarms.trigger(rule, "d1", "T", "M")["id"], None)
    assert len(world.rows()) == 1 + 3


def test_the_end_of_what_was_told_is_not_swallowed_by_the_cooldown(world):
    world.policy(world.channel(), cooldown_seconds=300)
    rule = world.rule()
    first = world.alarms.trigger(rule, "d1", "T", "M")["id"]
    world.now += 200
    world.alarms.resolve(first, None)
    assert world.told() == ["triggered", "resolved"]
    world.now += 10
    second = world.alarms.trigger(rule, "d1", "T", "M")["id"]
    world.alarms.resolve(second, None)
    assert world.told() == ["triggered", "resolved"], "its beginning was not told either"
    world.now += 90
    third = world.alarms.trigger(rule, "d1", "T", "M")["id"]
    world.now += 1
    world.alarms.resolve(third, None)  # 101 s after the last one
    assert world.told() == ["triggered", "resolved"] * 2


def test_more_occurrences_of_an_open_alarm_tell_nothing_new(world):
    world.policy(world.channel(), cooldown_seconds=0)
    rule = world.rule()
    for _ in range(3):
        world.alarms.trigger(rule, "d1", "T", "M")
    assert world.told() == ["triggered"]


def test_a_rules_webhook_goes_to_its_own_url_or_to_all_enabled_webhook_channels(world):
    mine = world.channel()
    world.channel(is_enabled=False)
    world.channel("slack", url="https://hooks.slack.com/services/a/b/c")
    document = {"title": "Offline", "severity": "info", "device_id": "d1", "alarm_id": "a1"}
    world.parts.notifier.on_webhook(world.rule(), "d1", document)
    row = world.row()
    assert (row["channel_id"], row["url"], row["alarm_id"]) == (mine, None, "a1")
    assert json.loads(row["message"])["rule"] == document
    world.parts.notifier.on_webhook(
        world.rule("own", config={"webhook_url": "http://127.0.0.1:9/own"}), "d1", document
    )
    row = world.rows()[1]
    assert (row["channel_id"], row["url"]) == (None, "http://127.0.0.1:9/own")
    assert len(world.rows()) == 2


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://h/x", "http://", "x", 7, "http://a b"]
)
def test_a_rules_webhook_url_that_is_none_has_failed_at_once(world, url):
    world.parts.notifier.on_webhook(world.rule(config={"webhook_url": url}), "d1", {})
    row = world.row()
    assert (row["status"], row["next_attempt_at"]) == ("failed", None)
    assert row["error"].startswith("the rule's webhook_url ")


def test_the_queue_is_bounded_and_what_does_not_fit_is_recorded(world, monkeypatch):
    monkeypatch.setattr(notifier, "PENDING_MAX", 2)
    world.policy(world.channel(), cooldown_seconds=0)
    rule = world.rule()
    for _ in range(2):
        world.alarms.resolve(world.alarms.trigger(rule, "d1", "T", "M")["id"], None)
    assert [row["status"] for row in world.rows()] == ["pending", "pending", "failed", "failed"]
    assert world.rows()[2]["error"] == "too many notifications were waiting already"
