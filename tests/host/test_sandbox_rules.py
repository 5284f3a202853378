"""Alarm rules over the API: what is kept, what is refused, and how it is shown."""

import pytest
from rules_rig import rig_in

from ways_device.sandbox.rule_config import Rate, Silence, Threshold, compiled

HOT = {"datapoint_id": "dp-abc123", "operator": "gt", "value": 35, "duration_seconds": 300}


@pytest.fixture
def rig(tmp_path):
    with rig_in(tmp_path) as rig:
        yield rig


@pytest.fixture
def the(rig):
    return rig.the


def new(the, rule_type="threshold", config=HOT, **fields):
    body = {"name": "Hot", "rule_type": rule_type, "config": config, **fields}
    return the.post("/rules", json=body)


def test_a_rule_is_shown_with_what_the_reference_shows_and_its_scope(the):
    answer = new(the)
    assert answer.status_code == 201
    rule = answer.json()
    assert rule.pop("created_at") == rule.pop("updated_at") == "2027-01-15T08:00:00Z"
    assert rule == {
        "id": rule["id"],
        "name": "Hot",
        "description": None,
        "rule_type": "threshold",
        "scope_type": "fleet",
        "scope_device_id": None,
        "scope_group_id": None,
        "scope_profile_id": None,
        "config": HOT,
        "severity": "warning",
        "actions": ["create_alarm"],
        "cooldown_seconds": 300,
        "is_enabled": True,
        "auto_resolve": False,
    }
    item = {"id": rule["id"], "name": "Hot", "rule_type": "threshold", "severity": "warning"}
    assert the.get("/rules").json() == {"rules": [{**item, "is_enabled": True}]}


def test_all_fields_are_kept(the):
    fields = {
        "description": "d",
        "severity": "critical",
        "actions": ["send_webhook", "mark_unhealthy", "send_webhook"],
        "cooldown_seconds": 0,
        "is_enabled": False,
        "auto_resolve": True,
    }
    rule = new(the, **fields).json()
    fields["actions"] = ["send_webhook", "mark_unhealthy"]
    assert {name: rule[name] for name in fields} == fields
    assert the.get(f"/rules/{rule['id']}").json() == rule


def test_null_in_place_of_a_default_is_the_default(the):
    names = ("severity", "actions", "cooldown_seconds", "is_enabled", "auto_resolve", "scope_type")
    rule = new(the, **dict.fromkeys(names)).json()
    assert (rule["severity"], rule["cooldown_seconds"]) == ("warning", 300)
    assert (rule["is_enabled"], rule["auto_resolve"], rule["scope_type"]) == (True, False, "fleet")


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": None},
        {"rule_type": "heat"},
        {"severity": "fatal"},
        {"actions": ["call_me"]},
        {"actions": "create_alarm"},
        {"cooldown_seconds": -1},
        {"cooldown_seconds": 10**9},
        {"is_enabled": "perhaps"},
        {"scope_type": "planet"},
        {"config": [1]},
    ],
)
def test_a_body_that_cannot_be_right_is_refused(the, wrong):
    name = next(iter(wrong))
    answer = new(the, **wrong)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][:2] == ["body", name]
    assert the.get("/rules").json() == {"rules": []}


@pytest.mark.parametrize(
    "fields",
    [
        '"name": "\\ud800", "config": {}',
        '"name": "x", "config": {"x": "\\ud800"}',
        '"name": "x", "config": {"\\udfff": 1}',
        '"name": "x", "config": {"x": NaN}',
        '"name": "x", "config": {}, "scope_type": "device", "scope_device_id": "\\ud800"',
        '"name": "x", "config": {"device_id": "\\ud800"}, "scope_type": "device"',
        f'"name": "x", "config": {{"x": {"[" * 50 + "]" * 50}}}',
    ],
)
def test_text_that_no_file_can_hold_is_refused(the, fields):
    body = f'{{"rule_type": "offline", {fields}}}'.encode()
    headers = {"X-API-Key": the.key, "Content-Type": "application/json"}
    assert the.post("/rules", content=body, headers=headers).status_code == 422


SCOPES = {
    "device": ("/devices", "device_id"),
    "group": ("/groups", "id"),
    "profile": ("/profiles", "id"),
}


@pytest.mark.parametrize("scope_type", SCOPES)
def test_a_scope_names_what_it_is_for(the, scope_type):
    path, key = SCOPES[scope_type]
    target = the.post(path, json={"name": "x"}).json()[key]
    field = f"scope_{scope_type}_id"
    rule = new(the, scope_type=scope_type, **{field: target}).json()
    assert (rule["scope_type"], rule[field]) == (scope_type, target)
    # The Terraform provider's place for it.
    config = {**HOT, f"{scope_type}_id": target}
    assert new(the, config=config, scope_type=scope_type).json()[field] == target
    absent = new(the, scope_type=scope_type, **{field: "0"})
    detail = f"{scope_type.title()} 0 not found"
    assert (absent.status_code, absent.json()) == (404, {"detail": detail})
    missing = new(the, scope_type=scope_type).json()["detail"][0]
    assert (missing["loc"], missing["type"]) == (["body", field], "value_error")
    unfit = new(the, **{field: target}).json()["detail"][0]
    assert unfit["loc"] == ["body", field]
    assert "scope_type fleet" in unfit["msg"]


def test_what_a_rule_is_and_whom_it_is_for_stay(the):
    the.post("/devices", json={"name": "d", "device_id": "d"})
    rule = new(the).json()
    fields = {"rule_type": "offline", "scope_type": "device", "scope_device_id": "d"}
    changed = the.put(f"/rules/{rule['id']}", json={**fields, "name": "New"})
    assert changed.json() == {**rule, "name": "New"}


def test_an_update_sets_what_is_given(rig, the):
    rule = new(the, description="d").json()
    path = f"/rules/{rule['id']}"
    rig.now += 60
    # The reference's own example.
    changed = the.put(path, json={"config": {"value": 40}, "severity": "critical"}).json()
    expected = {**rule, "config": {**HOT, "value": 40}, "severity": "critical"}
    assert changed == {**expected, "updated_at": "2027-01-15T08:01:00Z"}
    names = ("name", "config", "severity", "actions", "cooldown_seconds", "is_enabled")
    assert the.put(path, json=dict.fromkeys(names)).json() == changed
    assert the.put(path, json={"description": None}).json()["description"] is None
    assert the.get(path).json()["config"]["value"] == 40


@pytest.mark.parametrize(
    ("changes", "config"),
    [
        ({"field": "t"}, {"field": "t", "operator": "gt", "value": 35, "duration_seconds": 300}),
        ({"duration": 5}, {**{k: HOT[k] for k in list(HOT)[:3]}, "duration": 5}),
        ({"duration_seconds": None, "x": 1}, {**{k: HOT[k] for k in list(HOT)[:3]}, "x": 1}),
        ({}, HOT),
    ],
)
def test_a_config_is_merged_and_spellings_of_one_key_replace_each_other(the, changes, config):
    rule_id = new(the).json()["id"]
    assert the.put(f"/rules/{rule_id}", json={"config": changes}).json()["config"] == config


def test_an_update_that_leaves_no_runnable_config_is_refused_and_changes_nothing(the):
    rule = new(the).json()
    for config, field in (({"value": "hot"}, "value"), ({"operator": None}, "operator")):
        answer = the.put(f"/rules/{rule['id']}", json={"config": config, "name": "New"})
        assert (answer.status_code, answer.json()["detail"][0]["loc"][-1]) == (422, field)
    assert the.get(f"/rules/{rule['id']}").json() == rule


def test_a_config_cannot_grow_without_end(the):
    rule_id = new(the).json()["id"]
    codes = [
        the.put(f"/rules/{rule_id}", json={"config": {f"k{n}": "x" * 30_000}}).status_code
        for n in range(3)
    ]
    assert codes == [200, 200, 422]


def test_enable_and_disable_answer_with_the_rule(the):
    rule = new(the).json()
    for word, is_enabled in (("disable", False), ("disable", False), ("enable", True)):
        assert the.post(f"/rules/{rule['id']}/{word}").json()["is_enabled"] is is_enabled


def test_the_list_is_filtered(rig, the):
    rig.register("d")
    new(the, "offline", {}, name="a", severity="info", scope_type="device", scope_device_id="d")
    new(the, name="b", is_enabled=False)

    def names(**filters):
        return [rule["name"] for rule in the.get("/rules", params=filters).json()["rules"]]

    assert names() == ["a", "b"]
    assert names(scope_type="device") == names(rule_type="offline") == names(severity="info")
    assert names(scope_type="fleet") == names(is_enabled="false") == ["b"]
    assert names(severity="info") == ["a"]
    assert names(severity="info", rule_type="threshold") == names(severity="x' OR 1 --") == []
    assert the.get("/rules", params={"is_enabled": "x"}).status_code == 422


def test_a_rule_is_deleted_once(the):
    path = f"/rules/{new(the).json()['id']}"
    assert (the.delete(path).status_code, the.delete(path).status_code) == (204, 404)
    body = {"json": {"name": "x"}}
    assert the.get(path).status_code == the.put(path, **body).status_code == 404
    assert the.post(f"{path}/enable").status_code == the.post(f"{path}/disable").status_code == 404


@pytest.mark.parametrize(
    ("rule_type", "config", "condition"),
    [
        ("threshold", HOT, Threshold("dp-abc123", ">", 35, 300)),
        (
            "threshold",
            {"field": "t", "operator": "<=", "value": -1.5, "duration": 10},
            Threshold("t", "<=", -1.5, 10),
        ),
        ("threshold", {"key": "door", "operator": "eq", "value": True}, None),
        ("threshold", {"key": "mode", "operator": "!=", "value": "eco"}, None),
        ("missing_data", {}, Silence(None)),
        ("missing_data", {"timeout_seconds": None}, Silence(None)),
        ("missing_data", {"timeout_seconds": 600, "other": {"x": [1]}}, Silence(600)),
        ("offline", {"duration_seconds": 60}, Silence(60)),
        ("offline", {"timeout": 60}, Silence(60)),
        ("offline", {"duration": 60, "timeout_seconds": 90}, Silence(90)),
        ("message_rate", {"min": 1, "max": 9}, Rate(300, (("<", 1), (">", 9)))),
        (
            "message_rate",
            {"window": 60, "operator": "gte", "value": 5},
            Rate(60, ((">=", 5),)),
        ),
        ("reconnect_rate", {"max_reconnects": 3}, Rate(3600, ((">", 3),))),
        ("reconnect_rate", {"value": 3, "window_seconds": 60}, Rate(60, ((">", 3),))),
        ("reconnect_rate", {"value": 3, "operator": ">="}, Rate(3600, ((">=", 3),))),
    ],
)
def test_configs_in_each_spelling_are_kept_as_sent(the, rule_type, config, condition):
    assert new(the, rule_type, config).json()["config"] == config
    assert condition is None or compiled(rule_type, config) == condition


@pytest.mark.parametrize(
    ("rule_type", "config", "field"),
    [
        ("threshold", {}, "datapoint_id"),
        ("threshold", {**HOT, "datapoint_id": 7}, "datapoint_id"),
        ("threshold", {"field": "", "operator": "gt", "value": 1}, "field"),
        ("threshold", {"field": "t", "value": 1}, "operator"),
        ("threshold", {**HOT, "operator": "above"}, "operator"),
        ("threshold", {**HOT, "operator": "="}, "operator"),
        ("threshold", {**HOT, "value": None}, "value"),
        ("threshold", {**HOT, "value": "35"}, "value"),
        ("threshold", {**HOT, "value": True}, "value"),
        ("threshold", {**HOT, "value": [35]}, "value"),
        ("threshold", {**HOT, "value": 10**400}, "value"),
        ("threshold", {**HOT, "duration_seconds": -1}, "duration_seconds"),
        ("threshold", {**HOT, "duration_seconds": "300"}, "duration_seconds"),
        ("missing_data", {"timeout_seconds": 0}, "timeout_seconds"),
        ("missing_data", {"timeout_seconds": 31_536_001}, "timeout_seconds"),
        ("offline", {"duration": True}, "duration"),
        ("message_rate", {}, "max"),
        ("message_rate", {"max": 3, "window_seconds": 59}, "window_seconds"),
        ("message_rate", {"max": 3, "window_seconds": 86_401}, "window_seconds"),
        ("message_rate", {"max_messages": -3}, "max_messages"),
        ("message_rate", {"min": 3, "max": 2}, "min"),
        ("message_rate", {"min_messages": 3, "max": 2}, "min_messages"),
        ("message_rate", {"value": 3}, "operator"),
        ("message_rate", {"operator": "gt"}, "value"),
        ("message_rate", {"operator": "near", "value": 3}, "operator"),
        ("reconnect_rate", {"window_seconds": 60}, "max_reconnects"),
        ("reconnect_rate", {"max_reconnects": 3, "window_seconds": 0}, "window_seconds"),
        ("reconnect_rate", {"max": "3"}, "max"),
    ],
)
def test_a_config_that_cannot_be_run_is_refused_by_the_name_of_its_field(
    the, rule_type, config, field
):
    answer = new(the, rule_type, config)
    assert answer.status_code == 422
    (error,) = answer.json()["detail"]
    assert (error["loc"], list(error)) == (["body", "config", field], ["loc", "msg", "type"])
    assert error["msg"]


def test_the_vendors_cli_makes_rules_without_a_config(the):
    body = {"name": "x", "rule_type": "offline", "severity": "warning"}
    answer = the.post("/rules", json=body)
    assert (answer.status_code, answer.json()["config"]) == (201, {})
    assert the.post("/rules", json={**body, "rule_type": "threshold"}).status_code == 422
