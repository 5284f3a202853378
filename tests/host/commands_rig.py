"""The sandbox as a caller of commands and the devices' answers see it.

The broker is a list of what was published; the system tests have a real one.
"""

import json

NOW = 1_800_000_000.25


class World:
    def __init__(self, api, parts):
        self.api, self.parts = api, parts
        self.now = NOW
        self.published = []
        self.trouble = None
        parts.control.publish = self._publish
        self.is_broker_up = True
        for device_id in ("d", "other"):
            api.post("/devices", json={"name": device_id, "device_id": device_id})

    async def _publish(self, topic, payload, retain=False):
        assert not retain
        if self.trouble is not None:
            raise self.trouble
        self.published.append((topic, json.loads(payload)))

    def send(self, device_id="d", **body):
        # Only now: with the broker up other calls would tell it of devices.
        up = self.parts.broker.up
        if self.is_broker_up:
            up.set()
        try:
            return self.api.post(f"/sandbox/devices/{device_id}/commands", json=body)
        finally:
            up.clear()

    def sent(self, **body):
        answer = self.send(**body)
        assert answer.status_code == 202, answer.text
        return answer.json()["id"]

    def shown(self, command_id):
        return self.api.get(f"/sandbox/devices/d/commands/{command_id}").json()

    def answer(self, command_id, state, device_id="d", **more):
        said = {"id": command_id, "state": state, **more}
        self.event("command_result", said, device_id)

    def event(self, event_type, metadata, device_id="d"):
        payload = json.dumps({"event_type": event_type, "metadata": metadata}).encode()
        self.parts.subscriber._ingest.take(f"devices/{device_id}/events", payload, self.now)
