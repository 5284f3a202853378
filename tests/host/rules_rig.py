"""A whole sandbox in this process, its broker stopped, on a clock that the test moves."""

import json
from contextlib import contextmanager

from sandbox_world import sandbox_in

NOW = 1_800_000_000.0


class Rig:
    """now is the time; webhooks is what rules sent, as (rule, device, document)."""

    def __init__(self, now):
        # Just before it starts: what a sandbox that was killed left open is closed then.
        self.now = now - 0.01
        self.the = self.parts = self.db = None
        self.webhooks = []
        self.sent = 0

    def start(self, the, parts, now):
        """Do as server.py does; hear what would be sent."""
        self.the = the
        self.parts = parts
        self.db = parts.platform.rules._db
        responder = parts.engine._thresholds._responder
        responder._send_webhook = lambda rule, device_id, document: self.webhooks.append(
            (rule.name, device_id, document)
        )
        parts.presence.all_closed()
        self.now = now
        parts.engine.tick()

    def call(self, method, path, body=None):
        """Return the JSON of a call that must succeed."""
        answer = getattr(self.the, method)(path, **({} if body is None else {"json": body}))
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def register(self, *device_ids):
        for device_id in device_ids:
            self.call("post", "/devices", {"name": device_id, "device_id": device_id})

    def define(self, key, data_type="number"):
        """Return the datapoint's id."""
        return self.call("post", "/datapoints", {"key": key, "data_type": data_type})["id"]

    def rule(self, rule_type, config=None, **fields):
        """Return the new rule's id."""
        body = {"name": rule_type, "rule_type": rule_type, "config": config or {}, **fields}
        return self.call("post", "/rules", body)["id"]

    def publish(self, device_id, values, at=None, category="telemetry"):
        """The device's message arrives now; at is the time that it claims."""
        document = values if at is None else {**values, "timestamp": at}
        payload = json.dumps(document).encode()
        self.parts.subscriber._ingest.take(f"devices/{device_id}/{category}", payload, self.now)

    def connect(self, device_id):
        self.parts.presence.opened(device_id)

    def disconnect(self, device_id):
        self.parts.presence.closed(device_id, is_clean=False)

    def wait(self, seconds):
        """Let time pass, a tick each second."""
        for _ in range(int(seconds)):
            self.now += 1
            self.parts.engine.tick()

    def alarms(self):
        """Return (device, status, occurrences) of all alarms, in the order of their opening."""
        rows = self.db.all("SELECT * FROM alarms ORDER BY rowid")
        return [(row["device_id"], row["status"], row["occurrence_count"]) for row in rows]

    def last_alarm(self):
        row = self.db.one("SELECT * FROM alarms ORDER BY rowid DESC LIMIT 1")
        return row["title"], row["message"]

    def unhealthy(self):
        rows = self.db.all("SELECT DISTINCT device_id FROM rule_states WHERE is_unhealthy")
        return sorted(row[0] for row in rows)


@contextmanager
def rig_in(folder, now=NOW):
    """Yield the sandbox whose state is in this folder; again with the same one restarts it."""
    rig = Rig(now)
    with sandbox_in(folder, clock=lambda: rig.now) as (the, parts):
        rig.start(the, parts, now)
        yield rig
