"""One of everything the platform knows, made in a running sandbox, for a call to work on."""

import uuid

from sandbox_rig import Device, eventually

HOOK = "https://hook.invalid/x"


class World:
    """ids maps the reference's placeholders and sample ids to those of objects that exist."""

    def __init__(self, sandbox):
        self._sandbox = sandbox
        name = uuid.uuid4().hex[:8]
        self.device_id = f"sensor-{name}"
        self.key = f"temperature_{name}"
        login = sandbox.register(self.device_id)
        others = [f"other-{number}-{name}" for number in (2, 3)]
        for other in others:
            sandbox.register(other)
        post = sandbox.post
        post(f"/devices/{self.device_id}/tags", ["production", "floor-3"])
        group_id = post("/groups", {"name": f"Group {name}"})["id"]
        post(f"/groups/{group_id}/devices", {"device_ids": [self.device_id]})
        profile_id = post("/profiles", {"name": f"Profile {name}"})["id"]
        self.datapoint_id = post(
            "/datapoints",
            {"key": self.key, "label": "Temperature", "unit": "C", "data_type": "number"},
        )["id"]
        rule = {
            "name": f"Too warm {name}",
            "rule_type": "threshold",
            "config": {"datapoint_id": self.datapoint_id, "operator": "gt", "value": 35},
            "scope_type": "device",
            "scope_device_id": self.device_id,
        }
        rule_id = post("/rules", rule)["id"]
        channel = {
            "name": f"Ops {name}",
            "channel_type": "webhook",
            "config": {"url": HOOK},
            "is_enabled": False,
        }
        channel_id = post("/notifications/channels", channel)["id"]
        policy = {
            "name": f"All {name}",
            "channel_ids": [channel_id],
            "scope_type": "device",
            "scope_ids": [self.device_id],
        }
        policy_id = post("/notifications/policies", policy)["id"]
        sent = post(f"/sandbox/devices/{self.device_id}/commands", {"name": "identify"})
        self._live(login)
        alarm_id = eventually(self._alarms)[0]["id"]
        self.ids = {
            "{device_id}": self.device_id,
            "{group_id}": group_id,
            "{profile_id}": profile_id,
            "{datapoint_id}": self.datapoint_id,
            "{rule_id}": rule_id,
            "{alarm_id}": alarm_id,
            "{channel_id}": channel_id,
            "{policy_id}": policy_id,
            "{command_id}": sent["id"],
            "{tag}": "production",
            "sensor-001": self.device_id,
            "sensor-002": others[0],
            "sensor-003": others[1],
            "dp-abc123": self.datapoint_id,
            "prof-abc123": profile_id,
            "ch-abc123": channel_id,
        }

    def _live(self, login):
        """Have the device say what a device says."""
        device = Device(self._sandbox, login)
        top = f"devices/{self.device_id}"
        device.publish(f"{top}/attributes", {"firmware_version": "2.1.0"}, retain=True)
        status = {"status": "online", "battery_level": 87, "signal_strength": -65}
        device.publish(f"{top}/status", status, retain=True)
        device.publish(f"{top}/telemetry", {self.key: 41.5})
        device.leave()

    def _alarms(self):
        return self._sandbox.get(f"/alarms?device_id={self.device_id}")["alarms"]

    def named(self, text):
        """Return text with every id of the reference replaced."""
        for sample, real in self.ids.items():
            text = text.replace(sample, real)
        return text
