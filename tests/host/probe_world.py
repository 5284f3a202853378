"""An account and a broker in memory, whose manners a test can choose, for the probe's tests.

Nothing waits: what a device sends is on the platform when the call returns.
"""

import json
import ssl
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone

import httpx

from ways_device.api.client import Client
from ways_device.probe.command import Tools
from ways_device.probe.finding import Pace

ORIGIN = "https://api.test"
KEY = "wayscloud_iot_test_Canary0Key"
PASSWORD = "mqtt-canary-password"
AT_ONCE = Pace(rows_s=0, settle_s=0, flip_s=0, keepalive_s=1, silence_s=0)
REFUSED = {401: "INVALID KEY", 404: "absent", 409: "taken", 422: "wrong"}


@dataclass
class Manners:
    """How the platform behaves where documents differ; the sandbox's way by default."""

    login: str = "flat"
    errors: str = "detail"
    repeat: str = "refuse"  # or "new login", "other id"
    tags: tuple = ("array", "object")
    paging: tuple = ("page", "limit")
    merges: bool = True
    rows: tuple = ("telemetry", "sensors")
    makes_datapoints: bool = False
    unknown_keys_harm: bool = False
    keeps_timestamp: bool = True
    online_by: str = "session"
    sees_silence: bool = True
    inactive_ends: bool = True
    broker: object = field(
        default_factory=lambda: {"mqtt_broker": {"host": "127.0.0.1", "tls_port": 1}}
    )
    device_limit: int = 50
    # How often the broker does not know a new device yet.
    late_logins: int = 0


class World:
    """around(moment) is called before and after each request; it may raise."""

    def __init__(self, **manners):
        self.manners = Manners(**manners)
        self.devices = {"owner": {"device_id": "owner", "name": "canary of the owner"}}
        self.datapoints = {"dp-0": "canary_key"}
        self.rules = {"rule-0": {"name": "canary rule", "config": {}}}
        self.tags, self.rows, self.online = {}, {}, set()
        self.made = self.logins = 0
        self.requests = []
        self.around = lambda moment: None

    def account(self):
        return json.dumps([self.devices, self.datapoints, self.rules], sort_keys=True)

    def tools(self, pace=AT_ONCE):
        transport = httpx.MockTransport(self._answer)
        made = [Client(ORIGIN, key, transport, lambda s: None) for key in (KEY, "stranger")]
        return Tools(*made, lambda *its: Session(self, *its), ssl.create_default_context(), pace)

    def _answer(self, request):
        self.around("before")
        body = json.loads(request.content) if request.content else None
        parts = request.url.path.removeprefix("/v1/iot/").split("/")
        self.requests.append((request.method, "/".join(parts)))
        if request.headers["X-API-Key"] != KEY:
            status, found = self._refusal(401)
        else:
            handle = getattr(self, f"_{parts[0]}")
            status, found = handle(request.method, parts[1:], body, dict(request.url.params))
        self.around("after")
        return httpx.Response(status, text="" if found is None else json.dumps(found))

    def _refusal(self, status):
        if self.manners.errors == "detail":
            return status, {"detail": REFUSED[status]}
        if self.manners.errors == "error":
            return status, {"error": {"code": "X", "message": REFUSED[status]}}
        return status, {"oops": REFUSED[status], "account": "canary of the owner"}

    def _number(self):
        self.made += 1
        return self.made

    def _subscription(self, *_):
        return 200, {
            "device_limit": self.manners.device_limit,
            "device_count": len(self.devices),
        }

    def _credentials(self, *_):
        return 200, self.manners.broker

    def _devices(self, method, rest, body, params):
        if not rest:
            return self._register(body) if method == "POST" else self._listed(params)
        device = self.devices.get(rest[0])
        if device is None:
            return self._refusal(404)
        if rest[1:]:
            return getattr(self, f"_{rest[1]}")(method, rest[0], body)
        if method == "DELETE":
            del self.devices[rest[0]]
            self.rows.pop(rest[0], None)
            return 204, None
        if method == "PATCH":
            if not isinstance(body["is_active"], bool):
                return self._refusal(422)
            device.update(body)
        return 200, {**device, "is_online": rest[0] in self.online, "owner_mail": "canary@x"}

    def _register(self, body):
        device_id = body["device_id"]
        if device_id in self.devices and self.manners.repeat == "refuse":
            return self._refusal(409)
        if self.manners.repeat == "other id":
            device_id = f"server-{self._number()}"
        number = self._number()
        device = {"device_id": device_id, "name": body["name"], "is_active": True}
        self.devices[device_id] = device
        login = {"mqtt_username": device_id, "mqtt_password": f"{PASSWORD}-{number}"}
        if self.manners.login == "nested":
            named = {key.removeprefix("mqtt_"): value for key, value in login.items()}
            login = {"mqtt_credentials": named}
        if self.manners.login == "none":
            login = {}
        # The login once more where nobody looks for it.
        echo = {"description": f"log in with {PASSWORD}-{number}"} if login else {}
        return 200, {**device, **login, **echo, "owner_mail": "canary@x"}

    def _listed(self, params):
        found = list(self.devices.values())
        if "page" in self.manners.paging and "page" in params:
            size = int(params["page_size"])
            start = (int(params["page"]) - 1) * size
            part = found[start : start + size]
        elif "limit" in self.manners.paging and "limit" in params:
            part = found[int(params["offset"]) :][: int(params["limit"])]
        else:
            return 200, {"devices": found, "total": len(found)}
        return 200, {"devices": part, "total": len(found)}

    def _tags(self, method, device_id, body):
        mine = self.tags.setdefault(device_id, [])
        if method == "GET":
            return 200, {"tags": mine}
        form = "array" if isinstance(body, list) else "object"
        if form not in self.manners.tags:
            return self._refusal(422)
        mine += body if form == "array" else body["tags"]
        return 200, {"added": body}

    def _telemetry(self, method, device_id, body):
        rows = self.rows.get(device_id, {})
        return 200, [{"name": key, "measured_at": at, "value": 1} for key, at in rows.items()]

    def _datapoints(self, method, rest, body, params):
        if method == "POST":
            found = f"dp-{self._number()}"
            self.datapoints[found] = body["key"]
            return 201, {"id": found, "name": body["key"]}
        if method == "DELETE":
            gone = self.datapoints.pop(rest[0], None)
            return self._refusal(404) if gone is None else (204, None)
        return 200, {"datapoints": [{"id": i, "name": n} for i, n in self.datapoints.items()]}

    def _rules(self, method, rest, body, params):
        if not rest and method == "GET":
            return 200, {"rules": [{"id": i, "name": r["name"]} for i, r in self.rules.items()]}
        if method == "POST":
            rest = [f"rule-{self._number()}"]
            self.rules[rest[0]] = body
        elif method == "DELETE":
            gone = self.rules.pop(rest[0], None)
            return self._refusal(404) if gone is None else (204, None)
        elif method == "PUT":
            rule = self.rules[rest[0]]
            old = rule["config"] if self.manners.merges else {}
            rule["config"] = {**old, **body["config"]}
        return 200, {"id": rest[0], **self.rules[rest[0]]}

    # What a device does.

    def take(self, device_id, topic, document):
        kind, *key = topic.split("/")[2:]
        if kind == "status":
            if self.manners.online_by == "status":
                is_online = document["status"] == "online"
                (self.online.add if is_online else self.online.discard)(device_id)
            return
        if kind not in self.manners.rows:
            return
        found = document if isinstance(document, dict) else {key[0]: document}
        stamp_s = found.get("timestamp") if self.manners.keeps_timestamp else None
        at = datetime.fromtimestamp(stamp_s or time.time(), timezone.utc).isoformat()
        keys = [name for name in found if name != "timestamp"]
        unknown = [name for name in keys if name not in self.datapoints.values()]
        if self.manners.makes_datapoints:
            self.datapoints.update({f"dp-{self._number()}": name for name in unknown})
            unknown = []
        if unknown and self.manners.unknown_keys_harm:
            return
        rows = self.rows.setdefault(device_id, {})
        rows.update(dict.fromkeys([name for name in keys if name not in unknown], at))


class Session:
    """A device's session at the broker that never was."""

    def __init__(self, world, _broker, _trust, login, _keepalive_s):
        self._world, self._login = world, login
        self._was_up = False

    @property
    def is_up(self):
        device = self._world.devices.get(self._login.username)
        stays = not self._world.manners.inactive_ends
        return self._was_up and device is not None and (device["is_active"] or stays)

    def connect(self):
        device = self._world.devices.get(self._login.username)
        self._world.logins += 1
        is_known = self._world.logins > self._world.manners.late_logins
        if device is None or not device["is_active"] or not is_known:
            return "refused (Not authorized)"
        self._was_up = True
        if self._world.manners.online_by == "session":
            self._world.online.add(self._login.username)
        return "accepted"

    def subscribe(self, topic):
        return "granted QoS 1" if f"/{self._login.username}/" in topic else "refused"

    def publish(self, topic, document):
        self._world.take(self._login.username, topic, document)
        return True

    def fall_silent(self):
        if self._world.manners.sees_silence:
            self._world.online.discard(self._login.username)

    def close(self):
        self._was_up = False
        self._world.online.discard(self._login.username)
