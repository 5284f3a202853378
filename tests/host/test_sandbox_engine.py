"""What all rules have in common: acting, cooling down, clearing, scopes, switching, restarts."""

import pytest
from rules_rig import rig_in

COLD = {"field": "t", "operator": "lt", "value": 0}
OFF = {"timeout_seconds": 10}


@pytest.fixture
def rig(tmp_path):
    with rig_in(tmp_path) as rig:
        rig.register("a", "b")
        rig.define("t")
        yield rig


# No value is sent twice: the same one of the same moment would be a repetition, and no news.
def freeze(rig, device_id="a"):
    rig.sent += 1
    rig.publish(device_id, {"t": -rig.sent})


def thaw(rig, device_id="a"):
    rig.sent += 1
    rig.publish(device_id, {"t": rig.sent})


def test_an_alarm_stays_until_a_person_resolves_it(rig):
    rig.rule("threshold", COLD)
    freeze(rig)
    thaw(rig)
    rig.wait(600)
    assert rig.alarms() == [("a", "active", 1)]
    alarm_id = rig.call("get", "/alarms")["alarms"][0]["id"]
    rig.call("post", f"/alarms/{alarm_id}/resolve")
    freeze(rig)
    assert rig.alarms() == [("a", "resolved", 1), ("a", "active", 1)]


def test_auto_resolve_ends_it_with_its_cause(rig):
    rig.rule("threshold", COLD, auto_resolve=True)
    freeze(rig)
    freeze(rig, "b")
    rig.wait(10)
    assert rig.alarms() == [("a", "active", 1), ("b", "active", 1)]
    thaw(rig)
    assert rig.alarms() == [("a", "resolved", 1), ("b", "active", 1)]


def test_one_condition_is_one_occurrence_however_long_it_holds(rig):
    rig.rule("threshold", COLD, cooldown_seconds=0)
    for _ in range(5):
        freeze(rig)
        rig.wait(10)
    assert rig.alarms() == [("a", "active", 1)]


def test_an_open_alarm_counts_each_return_of_its_cause_within_the_cooldown_too(rig):
    actions = ["create_alarm", "send_webhook"]
    rig.rule("threshold", COLD, cooldown_seconds=3600, actions=actions)
    for _ in range(3):
        freeze(rig)
        thaw(rig)
        rig.wait(1)
    assert (rig.alarms(), len(rig.webhooks)) == ([("a", "active", 3)], 1)


def test_an_occurrence_that_is_only_counted_starts_no_cooldown(rig):
    rig.rule("threshold", COLD, cooldown_seconds=100)
    for _ in range(2):
        freeze(rig)
        thaw(rig)
        rig.wait(150)
    assert rig.alarms() == [("a", "active", 2)]
    freeze(rig)
    alarm_id = rig.call("get", "/alarms")["alarms"][0]["id"]
    rig.call("post", f"/alarms/{alarm_id}/resolve")
    thaw(rig)
    freeze(rig)
    assert rig.alarms() == [("a", "resolved", 3), ("a", "active", 1)]


def test_an_occurrence_that_is_only_counted_ends_no_cooldown(rig):
    rig.rule("threshold", COLD, cooldown_seconds=100)
    for _ in range(2):
        freeze(rig)
        thaw(rig)
    assert rig.alarms() == [("a", "active", 2)]
    alarm_id = rig.call("get", "/alarms")["alarms"][0]["id"]
    rig.call("post", f"/alarms/{alarm_id}/resolve")
    freeze(rig)
    rig.wait(99)
    assert rig.alarms() == [("a", "resolved", 2)]
    rig.wait(1)
    assert rig.alarms() == [("a", "resolved", 2), ("a", "active", 1)]


def test_within_the_cooldown_no_second_alarm_is_opened(rig):
    rig.rule("threshold", COLD, auto_resolve=True, cooldown_seconds=100)
    for _ in range(3):
        freeze(rig)
        thaw(rig)
    rig.wait(200)
    assert rig.alarms() == [("a", "resolved", 1)]
    freeze(rig)
    assert rig.alarms() == [("a", "resolved", 1), ("a", "active", 1)]


def test_what_still_holds_when_the_cooldown_ends_is_acted_on_then(rig):
    actions = ["create_alarm", "send_webhook"]
    rig.rule("threshold", COLD, auto_resolve=True, cooldown_seconds=100, actions=actions)
    freeze(rig)
    thaw(rig)
    rig.wait(40)
    freeze(rig)
    rig.wait(59)
    assert (rig.alarms(), len(rig.webhooks)) == ([("a", "resolved", 1)], 1)
    rig.wait(1)
    assert rig.alarms() == [("a", "resolved", 1), ("a", "active", 1)]
    rig.wait(200)
    assert len(rig.webhooks) == 2


def test_the_cooldown_is_of_each_rule_and_device(rig):
    rig.rule("threshold", COLD, auto_resolve=True)
    rig.rule("threshold", {**COLD, "value": 0.5}, auto_resolve=True)
    for device_id in ("a", "b"):
        freeze(rig, device_id)
    assert len(rig.alarms()) == 4


def test_a_webhook_goes_out_once_per_cooldown_with_what_happened(rig):
    rule_id = rig.rule(
        "threshold",
        COLD,
        name="Frost",
        actions=["send_webhook"],
        cooldown_seconds=100,
        severity="critical",
    )
    for _ in range(3):
        freeze(rig)
        thaw(rig)
    rig.wait(100)
    freeze(rig)
    assert rig.alarms() == []
    first, second = rig.webhooks
    assert first == (
        "Frost",
        "a",
        {
            "event": "rule_triggered",
            "rule_id": rule_id,
            "rule_name": "Frost",
            "rule_type": "threshold",
            "severity": "critical",
            "device_id": "a",
            "title": "t < 0: a",
            "message": "t is -1, < 0",
            "alarm_id": None,
            "triggered_at": "2027-01-15T08:00:00Z",
        },
    )
    assert second[2]["triggered_at"] == "2027-01-15T08:01:40Z"


def test_a_webhook_names_the_alarm_it_comes_with(rig):
    rig.rule("threshold", COLD, actions=["create_alarm", "send_webhook"])
    freeze(rig)
    alarm_id = rig.call("get", "/alarms")["alarms"][0]["id"]
    assert [document["alarm_id"] for _, _, document in rig.webhooks] == [alarm_id]


def test_what_a_person_resolves_does_not_come_back_while_its_cause_just_goes_on(rig):
    rig.rule("threshold", COLD, cooldown_seconds=0)
    freeze(rig)
    alarm_id = rig.call("get", "/alarms")["alarms"][0]["id"]
    rig.call("post", f"/alarms/{alarm_id}/resolve")
    freeze(rig)
    rig.wait(10)
    assert rig.alarms() == [("a", "resolved", 1)]
    thaw(rig)
    freeze(rig)
    assert rig.alarms() == [("a", "resolved", 1), ("a", "active", 1)]


def test_what_a_person_reopens_is_left_open(rig):
    rig.rule("threshold", {**COLD, "duration_seconds": 10}, auto_resolve=True)
    freeze(rig)
    rig.wait(10)
    thaw(rig)
    alarm_id = rig.call("get", "/alarms")["alarms"][0]["id"]
    rig.call("post", f"/alarms/{alarm_id}/reopen")
    for _ in range(3):  # never long enough to be told of
        thaw(rig)
        freeze(rig)
        rig.wait(5)
    assert rig.alarms() == [("a", "active", 1)]


def test_a_device_is_unhealthy_while_the_condition_holds_cooldown_or_not(rig):
    rig.rule("threshold", COLD, actions=["mark_unhealthy"])
    for _ in range(2):
        freeze(rig)
        assert rig.unhealthy() == ["a"]
        thaw(rig)
        assert rig.unhealthy() == []
    rig.rule("offline", OFF, actions=["mark_unhealthy", "create_alarm"], auto_resolve=True)
    for _ in range(2):
        rig.disconnect("a")
        rig.wait(10)
        assert rig.unhealthy() == ["a", "b"]
        rig.connect("a")
        rig.wait(1)
        assert rig.unhealthy() == ["b"]
    assert rig.alarms() == [("a", "resolved", 1), ("b", "active", 1)]


def test_a_disabled_rule_does_nothing_and_leaves_its_alarms(rig):
    for body in (("put", "", {"is_enabled": False}), ("post", "/disable", None)):
        method, path, document = body
        actions = ["create_alarm", "mark_unhealthy"]
        rule_id = rig.rule("threshold", COLD, actions=actions, auto_resolve=True)
        freeze(rig)
        before = rig.alarms()
        assert rig.unhealthy() == ["a"]
        rig.call(method, f"/rules/{rule_id}{path}", document)
        assert rig.unhealthy() == []
        freeze(rig, "b")
        thaw(rig)
        rig.wait(10)
        assert rig.alarms() == before


def test_an_enabled_rule_takes_up_its_open_alarms(rig):
    rule_ids = [rig.rule("threshold", COLD, auto_resolve=True), rig.rule("offline", OFF)]
    freeze(rig)
    rig.connect("b")
    rig.wait(10)
    for word in ("disable", "enable"):
        for rule_id in rule_ids:
            rig.call("post", f"/rules/{rule_id}/{word}")
        rig.wait(10)
    # It still holds: that is no second occurrence.
    freeze(rig)
    assert rig.alarms() == [("a", "active", 1), ("a", "active", 1)]
    for word in ("disable", "enable"):
        rig.call("post", f"/rules/{rule_ids[0]}/{word}")
        thaw(rig)
    assert rig.alarms() == [("a", "resolved", 1), ("a", "active", 1)]


def test_a_duration_is_of_one_config_and_of_one_enabling(rig):
    rule_id = rig.rule("threshold", {**COLD, "duration_seconds": 60})
    for method, path, body in (
        ("put", "", {"config": {"value": -0.5}}),
        ("post", "/disable", None),
        ("post", "/enable", None),
    ):
        freeze(rig)
        rig.wait(59)
        rig.call(method, f"/rules/{rule_id}{path}", body)
        rig.wait(10)
    assert rig.alarms() == []
    freeze(rig)
    rig.call("put", f"/rules/{rule_id}", {"config": {"value": -0.5}, "name": "New"})
    rig.wait(60)
    assert rig.alarms() == [("a", "active", 1)]


@pytest.mark.parametrize(
    ("rule_type", "config"), [("threshold", {**COLD, "duration_seconds": 5}), ("offline", OFF)]
)
def test_the_mark_comes_and_goes_with_the_action_and_the_rule(rig, rule_type, config):
    both = ["create_alarm", "mark_unhealthy"]
    rig.connect("b")
    rule_id = rig.rule(rule_type, config, actions=both)
    marked = []
    for method, path, body in (
        ("put", "", {"name": "New"}),
        ("put", "", {"actions": ["create_alarm"]}),
        ("put", "", {"actions": both}),
        ("post", "/disable", None),
        ("post", "/enable", None),
    ):
        rig.call(method, f"/rules/{rule_id}{path}", body)
        for _ in range(2):
            freeze(rig)
            rig.wait(10)
        marked.append(rig.unhealthy() == ["a"])
    assert marked == [True, False, True, False, True]
    assert rig.alarms() == [("a", "active", 1)]


def test_a_changed_limit_holds_from_the_next_value_on(rig):
    rule_id = rig.rule("threshold", COLD, auto_resolve=True)
    freeze(rig)
    rig.call("put", f"/rules/{rule_id}", {"config": {"value": -5}})
    freeze(rig)
    assert rig.alarms() == [("a", "resolved", 1)]


@pytest.mark.parametrize("scope_type", ["device", "group", "profile"])
@pytest.mark.parametrize(("rule_type", "config"), [("threshold", COLD), ("offline", OFF)])
def test_a_rule_is_for_its_scope_as_it_is_now(rig, scope_type, rule_type, config):
    paths = {"group": "/groups", "profile": "/profiles"}
    scope_id = "a"
    if scope_type in paths:
        scope_id = rig.call("post", paths[scope_type], {"name": "x"})["id"]

    def join(device_id):
        if scope_type == "group":
            rig.call("post", f"/groups/{scope_id}/devices", [device_id])
        elif scope_type == "profile":
            rig.call("post", f"/profiles/{scope_id}/apply/{device_id}")

    def show():
        for device_id in ("a", "b"):
            freeze(rig, device_id)
        rig.wait(10)
        return [device_id for device_id, _, _ in rig.alarms()]

    join("a")
    rig.rule(rule_type, config, scope_type=scope_type, **{f"scope_{scope_type}_id": scope_id})
    assert show() == ["a"]
    if scope_type != "device":
        join("b")
        assert show() == ["a", "b"]


@pytest.mark.parametrize("config", [COLD, {**COLD, "duration_seconds": 60}])
def test_a_device_that_leaves_the_scope_is_left_alone(rig, config):
    group_id = rig.call("post", "/groups", {"name": "x"})["id"]
    rig.call("post", f"/groups/{group_id}/devices", ["a"])
    scope = {"scope_type": "group", "scope_group_id": group_id, "auto_resolve": True}
    rig.rule("threshold", config, actions=["create_alarm", "mark_unhealthy"], **scope)
    freeze(rig)
    rig.wait(30)
    before = rig.alarms()
    rig.call("delete", f"/groups/{group_id}/devices/a")
    rig.wait(1)
    assert rig.unhealthy() == []
    rig.wait(60)
    thaw(rig)
    freeze(rig)
    rig.wait(60)
    assert rig.alarms() == before


@pytest.mark.parametrize(
    ("rule_type", "config"),
    [
        ("threshold", COLD),
        ("offline", OFF),
        ("missing_data", OFF),
        ("message_rate", {"min": 5, "window_seconds": 60}),
        ("reconnect_rate", {"value": 0, "operator": "gte"}),
    ],
)
def test_inactive_devices_are_left_alone_by_every_type(rig, rule_type, config):
    rig.call("patch", "/devices/a", {"is_active": False})
    rig.rule(rule_type, config)
    rig.connect("b")
    for _ in range(15):
        freeze(rig)
        freeze(rig, "b")
        rig.wait(10)
    rig.disconnect("b")
    rig.wait(150)
    assert {device_id for device_id, _, _ in rig.alarms()} == {"b"}


@pytest.mark.parametrize("rule_type", ["offline", "missing_data"])
def test_a_device_made_active_again_gets_its_time(rig, rule_type):
    rig.call("patch", "/devices/a", {"is_active": False})
    rig.rule(rule_type, OFF, scope_type="device", scope_device_id="a")
    rig.wait(100)
    rig.call("patch", "/devices/a", {"is_active": True})
    rig.wait(5)
    rig.call("patch", "/devices/a", {"is_active": True, "name": "x"})
    rig.wait(4)
    assert rig.alarms() == []
    rig.wait(1)
    assert rig.alarms() == [("a", "active", 1)]


def test_a_device_made_inactive_keeps_its_alarm_and_nothing_else(rig):
    rig.rule("offline", OFF, actions=["create_alarm", "mark_unhealthy"], auto_resolve=True)
    rig.connect("b")
    rig.wait(10)
    rig.call("patch", "/devices/a", {"is_active": False})
    rig.wait(10)
    assert (rig.alarms(), rig.unhealthy()) == ([("a", "active", 1)], [])
    rig.call("patch", "/devices/a", {"is_active": True})
    rig.connect("a")
    rig.wait(1)
    assert rig.alarms() == [("a", "resolved", 1)]


def test_devices_and_rules_may_go_at_any_time(rig):
    rule_id = rig.rule("threshold", {**COLD, "duration_seconds": 5})
    rig.rule("offline", OFF, scope_type="device", scope_device_id="b")
    freeze(rig)
    freeze(rig, "b")
    rig.call("delete", "/devices/b")
    rig.wait(20)
    assert rig.alarms() == [("a", "active", 1)]
    rig.call("delete", f"/rules/{rule_id}")
    thaw(rig)
    freeze(rig)
    rig.wait(20)
    assert rig.alarms() == [("a", "active", 1)]
    # A device of the same name is another device.
    rig.register("b")
    rig.wait(9)
    assert len(rig.alarms()) == 1
    rig.wait(1)
    assert len(rig.alarms()) == 2


def test_rules_go_on_where_they_were_after_a_restart(tmp_path):
    with rig_in(tmp_path) as rig:
        rig.register("a")
        rig.define("t")
        rig.rule("threshold", COLD, cooldown_seconds=1000, auto_resolve=True)
        rig.rule("threshold", {**COLD, "value": 0.5}, actions=["mark_unhealthy"])
        freeze(rig)
        thaw(rig)
        freeze(rig)
    with rig_in(tmp_path, rig.now + 500) as rig:
        assert rig.unhealthy() == ["a"]
        # The cooldown goes on, and what held is still known to hold.
        rig.wait(499)
        assert rig.alarms() == [("a", "resolved", 1)]
        rig.wait(1)
        assert rig.alarms() == [("a", "resolved", 1), ("a", "active", 1)]
        thaw(rig)
        assert (rig.alarms()[1], rig.unhealthy()) == (("a", "resolved", 1), [])
