"""Rules in a real sandbox: what devices really do raises alarms and ends them."""

import time

from sandbox_rig import Device, eventually, running


def rule(sandbox, rule_type, config, **fields):
    body = {"name": rule_type, "rule_type": rule_type, "config": config, **fields}
    return sandbox.post("/rules", body)["id"]


def shown(sandbox, rule_id):
    alarms = sandbox.get(f"/alarms?rule_id={rule_id}")["alarms"]
    return [(alarm["title"], alarm["status"]) for alarm in alarms]


def test_devices_raise_and_end_alarms(tmp_path):
    with running(tmp_path) as sandbox:
        login = sandbox.register("d1")
        sandbox.post("/datapoints", {"key": "t"})
        hot = rule(
            sandbox, "threshold", {"field": "t", "operator": ">", "value": 35}, auto_resolve=True
        )
        device = Device(sandbox, login)
        eventually(lambda: sandbox.get("/devices/d1")["is_online"])
        gone = rule(sandbox, "offline", {"timeout_seconds": 1}, auto_resolve=True)
        device.publish("devices/d1/telemetry", {"t": 36})
        eventually(lambda: shown(sandbox, hot), [("t > 35: d1", "active")])
        device.publish("devices/d1/telemetry", {"t": 20})
        eventually(lambda: shown(sandbox, hot), [("t > 35: d1", "resolved")])
        assert shown(sandbox, gone) == []
        device.drop()
        eventually(lambda: shown(sandbox, gone), [("Device offline: d1", "active")])
        device = Device(sandbox, login)
        eventually(lambda: shown(sandbox, gone), [("Device offline: d1", "resolved")])
        device.leave()


def test_rules_that_were_made_before_a_restart_run_after_it(tmp_path):
    with running(tmp_path) as sandbox:
        login = sandbox.register("d1")
        sandbox.post("/datapoints", {"key": "t"})
        hot = rule(sandbox, "threshold", {"field": "t", "operator": ">", "value": 35})
        gone = rule(sandbox, "offline", {"timeout_seconds": 1})
        device = Device(sandbox, login)
        device.publish("devices/d1/telemetry", {"t": 20})
        device.leave()
        left_at = time.monotonic()
        sandbox.stop()
    eventually(lambda: time.monotonic() - left_at > 1.5)
    with running(tmp_path) as sandbox:
        device = Device(sandbox, login)
        device.publish("devices/d1/telemetry", {"t": 36})
        eventually(lambda: shown(sandbox, hot), [("t > 35: d1", "active")])
        # It was away for longer than the rule allows, but so was the sandbox.
        assert shown(sandbox, gone) == []
        device.leave()
