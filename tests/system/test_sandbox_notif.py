"""Notifications of a whole sandbox: from what a device sends to a receiver, through restarts."""

import json
import signal

import pytest
from notification_rig import HANG, receiving
from sandbox_rig import Device, eventually, running

RULE = {
    "name": "Hot",
    "rule_type": "threshold",
    "config": {"operator": "gt", "value": 30},
    "severity": "critical",
    "auto_resolve": True,
    "cooldown_seconds": 0,
}


def prepared(sandbox, url):
    """Make a rule, a signed webhook and a policy. Returns the login of the device d1."""
    login = sandbox.register("d1")
    datapoint_id = sandbox.post("/datapoints", {"key": "temperature", "unit": "C"})["id"]
    sandbox.post("/rules", {**RULE, "config": {**RULE["config"], "datapoint_id": datapoint_id}})
    config = {"url": url, "secret": "s3cret"}
    body = {"name": "Hook", "channel_type": "webhook", "config": config}
    channel_id = sandbox.post("/notifications/channels", body)["id"]
    sandbox.post("/notifications/policies", {"name": "All", "channel_ids": [channel_id]})
    return login


def delivery(sandbox):
    deliveries = sandbox.get("/notifications/deliveries")["deliveries"]
    return deliveries[0] if deliveries else {}


def test_what_a_device_sends_reaches_a_webhook(tmp_path):
    with receiving() as receiver, running(tmp_path) as sandbox:
        device = Device(sandbox, prepared(sandbox, receiver.url))
        device.publish("devices/d1/telemetry", {"temperature": 31})
        eventually(lambda: len(receiver.requests), 1)
        device.publish("devices/d1/telemetry", {"temperature": 20})
        eventually(lambda: len(receiver.requests), 2)
        device.leave()
        documents = [json.loads(one.body) for one in receiver.requests]
        assert [one["event_type"] for one in documents] == ["triggered", "resolved"]
        alarm = sandbox.get(f"/alarms/{documents[1]['alarm']['id']}")
        assert documents[1]["alarm"] == alarm
        eventually(lambda: delivery(sandbox)["status"], "delivered")


@pytest.mark.parametrize("first", [500, HANG])
def test_a_sandbox_that_is_killed_between_attempts_makes_the_next_one(tmp_path, first):
    with receiving(first, 200) as receiver:
        with running(tmp_path) as sandbox:
            device = Device(sandbox, prepared(sandbox, receiver.url))
            device.publish("devices/d1/telemetry", {"temperature": 31})
            device.leave()
            eventually(lambda: receiver.requests)
            eventually(lambda: delivery(sandbox).get("attempts"), 1)
            sandbox.stop(signal.SIGKILL)
        with running(tmp_path) as sandbox:
            eventually(lambda: delivery(sandbox)["status"], "delivered", within_s=40)
            assert delivery(sandbox)["attempts"] == 2
        ids = [one.headers["X-Ways-Delivery"] for one in receiver.requests]
        assert len(ids) == 2
        assert len(set(ids)) == 1


def test_a_sandbox_stops_at_once_with_a_hanging_receiver(tmp_path):
    with receiving(HANG) as receiver, running(tmp_path) as sandbox:
        device = Device(sandbox, prepared(sandbox, receiver.url))
        device.publish("devices/d1/telemetry", {"temperature": 31})
        device.leave()
        eventually(lambda: receiver.requests)
        assert sandbox.stop() == 0
        assert "s3cret" not in sandbox.log_file.read_text()
