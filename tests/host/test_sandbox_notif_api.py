"""The 12 notification calls: channels, their secrets, policies, deliveries."""

import asyncio
import json
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from notification_rig import receiving

from ways_device.errors import ToolError
from ways_device.sandbox import api, notifications, secrecy
from ways_device.sandbox.broker import Settings
from ways_device.sandbox.certs import Certs
from ways_device.sandbox.db import Db
from ways_device.sandbox.wiring import wire
from ways_device.toolchain import Mosquitto

CHANNELS, POLICIES = "/channels", "/policies"
HOOK = {"name": "Ops", "channel_type": "webhook", "config": {"url": "https://example.com/x"}}
START = 1_800_000_000.0


class Api:
    def __init__(self, db, certs, folder):
        self.now = START
        nowhere = Mosquitto(Path("/nonexistent"), Path("/nonexistent"))
        settings = Settings(nowhere, folder, 28883, False, certs, lock_fd=0)
        self.db = db
        self.parts = wire(db, settings, "127.0.0.1", lambda: self.now)
        self._app = api.build(self.parts.platform, lambda key: key == "k")

    def call(self, method, path, body=None, **params):
        async def send():
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://s") as client:
                path_ = f"/v1/iot/notifications{path}"
                headers = {"X-API-Key": "k"}
                return await client.request(
                    method, path_, headers=headers, json=body, params=params
                )

        return asyncio.run(send())

    def get(self, path, **params):
        return self.call("GET", path, **params)

    def post(self, path, body=None):
        return self.call("POST", path, body)

    def put(self, path, body):
        return self.call("PUT", path, body)

    def delete(self, path):
        return self.call("DELETE", path)

    def channel(self, channel_type="webhook", **config):
        config = config or HOOK["config"]
        body = {"name": "C", "channel_type": channel_type, "config": config}
        answer = self.post(CHANNELS, body)
        assert answer.status_code == 201, answer.text
        return answer.json()


@pytest.fixture
def the(tmp_path, monkeypatch):
    for name in ("WAYS_SANDBOX_SMTP_URL", "WAYS_SANDBOX_SMS_URL", "WAYS_SANDBOX_SMS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with closing(Db(tmp_path / "sandbox.db")) as db:
        yield Api(db, Certs(tmp_path, ["localhost"]), tmp_path)


def test_a_channel_is_made_shown_changed_and_deleted(the):
    answer = the.post(CHANNELS, HOOK)
    channel = answer.json()
    assert answer.status_code == 201
    assert channel == {
        "id": channel["id"],
        **HOOK,
        "is_enabled": True,
        "created_at": "2027-01-15T08:00:00Z",
    }
    path = f"{CHANNELS}/{channel['id']}"
    assert the.get(path).json() == channel
    summary = {"id": channel["id"], "name": "Ops", "channel_type": "webhook", "is_enabled": True}
    assert the.get(CHANNELS).json() == {"channels": [summary]}
    changed = the.put(path, {"config": {"url": "https://example.com/y"}})
    assert (changed.status_code, changed.json()["config"]) == (
        200,
        {"url": "https://example.com/y"},
    )
    assert changed.json()["name"] == "Ops"
    changed = the.put(path, {"name": None, "is_enabled": False, "channel_type": "email"}).json()
    assert (changed["name"], changed["is_enabled"]) == ("Ops", False)
    assert changed["channel_type"] == "webhook"
    gone = the.delete(path)
    assert (gone.status_code, gone.content) == (204, b"")
    assert the.get(CHANNELS).json() == {"channels": []}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *((method, "/channels/no") for method in ("GET", "PUT", "DELETE")),
        ("POST", "/channels/no/test"),
        *((method, "/policies/no") for method in ("GET", "PUT", "DELETE")),
    ],
)
def test_what_is_not_there_is_404(the, method, path):
    answer = the.call(method, path, {})
    assert answer.status_code == 404
    assert isinstance(answer.json()["detail"], str)


ACCEPTED = [
    ("webhook", {"url": "http://10.0.0.1:8080/x", "secret": "s"}),
    ("webhook", {"webhook_url": "https://example.com"}),
    ("email", {"to": "ops@example.com"}),
    ("email", {"recipients": ["a@example.com", "b@example.com"]}),
    ("email", {"email": "a@example.com, b@example.com"}),
    ("email", {"to": "a@example.com", "smtp_host": "h", "smtp_user": "u", "smtp_password": "p"}),
    ("email", {"to": "a@b.example", "host": "127.0.0.1", "security": "none", "password": "p"}),
    ("slack", {"webhook_url": "https://hooks.slack.com/services/T/B/x"}),
    ("slack", {"url": "http://localhost:99/x"}),
    ("teams", {"url": "https://prod-1.westeurope.logic.azure.com/workflows/x?sig=y"}),
    ("teams", {"webhook_url": "http://[::1]:99/x"}),
    ("sms", {"to": "+4791234567"}),
    ("sms", {"phone_number": "+47 912 34 567"}),
    ("sms", {"phone_numbers": ["+4791234567"], "gateway_url": "https://sms.example.com/send"}),
]


@pytest.mark.parametrize(("channel_type", "config"), ACCEPTED)
def test_the_likely_spellings_of_a_config_are_taken(the, channel_type, config):
    the.channel(channel_type, **config)


REFUSED = [
    ("webhook", {}, "url"),
    ("webhook", {"url": 7}, "url"),
    ("webhook", {"url": ""}, "url"),
    ("webhook", {"url": "file:///etc/passwd"}, "url"),
    ("webhook", {"url": "gopher://example.com/"}, "url"),
    ("webhook", {"url": "https://"}, "url"),
    ("webhook", {"url": "https://a b/"}, "url"),
    ("webhook", {"url": "https://example.com/\r\nX: y"}, "url"),
    ("webhook", {"url": "https://example.com:99999/"}, "url"),
    ("webhook", {"url": "https://example.com/" + "x" * 3000}, "url"),
    ("webhook", {"url": "https://example.com", "secret": ""}, "secret"),
    ("webhook", {"url": "https://example.com", "secret": secrecy.MASK}, "secret"),
    ("email", {}, "to"),
    ("email", {"to": []}, "to"),
    ("email", {"to": "nobody"}, "to"),
    ("email", {"to": ["a@example.com", "nobody"]}, "to"),
    ("email", {"to": "a@example.com\r\nBcc: b@example.com"}, "to"),
    ("email", {"to": ["a@example.com"] * 51}, "to"),
    ("email", {"to": "a@example.com", "smtp_port": 70000}, "smtp_port"),
    ("email", {"to": "a@example.com", "smtp_host": "a b"}, "smtp_host"),
    ("email", {"to": "a@example.com", "from": "x"}, "from"),
    ("email", {"to": "a@example.com", "smtp_host": "h", "security": "maybe"}, "security"),
    ("slack", {"url": "http://hooks.slack.com/services/T/B/x"}, "url"),
    ("slack", {}, "webhook_url"),
    ("teams", {"webhook_url": "http://10.0.0.1/x"}, "webhook_url"),
    ("sms", {}, "to"),
    ("sms", {"to": "91234567"}, "to"),
    ("sms", {"to": "+4791234567", "url": "http://sms.example.com"}, "url"),
    ("sms", {"to": "+4791234567", "url": "https://sms.example.com", "token": "a\r\nb"}, "token"),
]


@pytest.mark.parametrize(("channel_type", "config", "field"), REFUSED)
def test_a_bad_config_is_422_and_names_the_field(the, channel_type, config, field):
    answer = the.post(CHANNELS, {"name": "C", "channel_type": channel_type, "config": config})
    assert answer.status_code == 422
    problem = answer.json()["detail"][0]
    assert problem["loc"][:3] == ["body", "config", field]
    assert the.get(CHANNELS).json() == {"channels": []}


@pytest.mark.parametrize(
    ("config", "word"),
    [
        ({"smtp_password": "hunter22"}, "smtp_host"),
        ({"smtp_host": "h", "security": "none", "smtp_password": "hunter22"}, "security none"),
    ],
)
def test_a_mail_password_that_would_get_lost_or_seen_is_422(the, config, word):
    body = {"name": "C", "channel_type": "email", "config": {"to": "a@example.com", **config}}
    answer = the.post(CHANNELS, body)
    assert answer.status_code == 422
    assert word in answer.json()["detail"][0]["msg"]
    assert "hunter22" not in answer.text


@pytest.mark.parametrize(
    "body",
    [
        {**HOOK, "channel_type": "pigeon"},
        {**HOOK, "config": None},
        {**HOOK, "config": "x"},
        {**HOOK, "name": ""},
        {"channel_type": "webhook", "config": HOOK["config"]},
    ],
)
def test_a_bad_channel_is_422(the, body):
    assert the.post(CHANNELS, body).status_code == 422


SECRETS = [
    ("webhook", {"url": "https://u:hunter22@h.example/p?key=hunter22&x", "secret": "hunter22"}),
    ("webhook", {"url": "https://h.example/p?hunter22", "headers": {"authorization": "hunter22"}}),
    ("email", {"to": "a@example.com", "smtp_host": "h", "smtp_password": "hunter22"}),
    ("slack", {"webhook_url": "https://hooks.slack.com/services/T/B/hunter22"}),
    ("teams", {"url": "https://x.example/workflows/hunter22?sig=hunter22"}),
    ("sms", {"to": "+4791234567", "url": "https://sms.example/hook", "api_key": "hunter22"}),
]


@pytest.mark.parametrize(("channel_type", "config"), SECRETS)
def test_a_secret_is_never_shown_and_stays_when_its_mask_comes_back(the, channel_type, config):
    channel = the.channel(channel_type, **config)
    path = f"{CHANNELS}/{channel['id']}"
    shown = [channel, the.get(path).json(), the.get(CHANNELS).json()]
    assert "hunter22" not in json.dumps(shown)
    assert secrecy.MASK in json.dumps(shown[1])
    answer = the.put(path, {"name": "New", "config": channel["config"]})
    assert answer.status_code == 200
    assert answer.json()["config"] == channel["config"]
    stored = the.db.scalar("SELECT config FROM channels")
    assert json.loads(stored) == config


def test_what_is_not_secret_of_a_url_is_shown(the):
    config = {"url": "https://u:p@h.example:8443/a/b?key=v&flag"}
    shown = the.channel(**config)["config"]
    assert shown == {"url": "https://u:***@h.example:8443/a/b?key=***&***"}


def test_a_mask_beside_a_change_is_refused_rather_than_stored(the):
    channel = the.channel(url="https://h.example/p?key=v", secret="s1")
    path = f"{CHANNELS}/{channel['id']}"
    answer = the.put(path, {"config": {"url": "https://other.example/p?key=***"}})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "config", "url"]
    changed = {"url": "https://other.example/p", "secret": "***"}
    assert the.put(path, {"config": changed}).status_code == 200
    stored = json.loads(the.db.scalar("SELECT config FROM channels"))
    assert stored == {"url": "https://other.example/p", "secret": "s1"}
    assert the.put(path, {"config": {"url": "https://h.example"}}).json()["config"] == {
        "url": "https://h.example"
    }, "a config is replaced as a whole"


def test_a_channel_is_tested(the):
    with receiving(200, 404) as receiver:
        channel = the.channel(url=receiver.url)
        path = f"{CHANNELS}/{channel['id']}/test"
        good, bad = the.post(path), the.post(path)
    assert (good.status_code, bad.status_code) == (200, 200)
    assert good.json()["success"] is True
    assert bad.json() == {
        "success": False,
        "message": "Test notification failed: answered 404",
        "channel_id": channel["id"],
    }


def policy(the, **fields):
    fields.setdefault("channel_ids", [the.channel()["id"]])
    return the.post(POLICIES, {"name": "P", **fields})


def test_a_policy_is_made_shown_changed_and_deleted(the):
    channel_id = the.channel()["id"]
    body = {
        "name": "Critical",
        "channel_ids": [channel_id],
        "severity_filter": ["critical"],
        "event_types": ["triggered"],
    }
    answer = the.post(POLICIES, body)
    made = answer.json()
    assert answer.status_code == 201
    assert made == {
        "id": made["id"],
        **body,
        "description": None,
        "rule_ids": None,
        "scope_type": "fleet",
        "scope_ids": None,
        "cooldown_seconds": 300,
        "is_enabled": True,
        "created_at": "2027-01-15T08:00:00Z",
    }
    path = f"{POLICIES}/{made['id']}"
    assert the.get(path).json() == made
    summary = {key: made[key] for key in ("id", "name", "severity_filter", "is_enabled")}
    assert the.get(POLICIES).json() == {"policies": [summary]}
    change = {
        "cooldown_seconds": 600,
        "severity_filter": ["critical", "warning"],
        "rule_ids": ["x"],
        "scope_type": "device",
        "name": None,
    }
    changed = the.put(path, change).json()
    expected = {"cooldown_seconds": 600, "severity_filter": ["critical", "warning"]}
    assert changed == {**made, **expected}, "rules and scope stay"
    assert the.delete(path).status_code == 204
    assert the.get(POLICIES).json() == {"policies": []}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"channel_ids": []}, "channel_ids"),
        ({"channel_ids": ["no"]}, "channel_ids"),
        ({"channel_ids": None}, "channel_ids"),
        ({"severity_filter": ["loud"]}, "severity_filter"),
        ({"event_types": ["reopened"]}, "event_types"),
        ({"scope_type": "planet"}, "scope_type"),
        ({"scope_type": "device"}, "scope_ids"),
        ({"scope_type": "group", "scope_ids": []}, "scope_ids"),
        ({"cooldown_seconds": -1}, "cooldown_seconds"),
        ({"rule_ids": ["x"] * 1001}, "rule_ids"),
        ({"name": ""}, "name"),
    ],
)
def test_a_bad_policy_is_422_and_names_the_field(the, fields, field):
    answer = policy(the, **fields)
    assert answer.status_code == 422
    assert field in answer.json()["detail"][0]["loc"]
    assert the.get(POLICIES).json() == {"policies": []}


def test_a_policy_loses_a_channel_that_is_deleted(the):
    ids = [the.channel()["id"] for _ in range(3)]
    path = f"{POLICIES}/{policy(the, channel_ids=ids).json()['id']}"
    the.delete(f"{CHANNELS}/{ids[1]}")
    assert the.get(path).json()["channel_ids"] == [ids[0], ids[2]]
    assert the.put(path, {"channel_ids": [ids[1]]}).status_code == 422


def test_deliveries_are_listed_newest_first_and_filtered(the):
    with receiving(200, 404, 200) as receiver:
        hook = the.channel(url=receiver.url)["id"]
        slack = the.channel("slack", url=receiver.url)["id"]
        for channel_id in (hook, hook, slack):
            the.post(f"{CHANNELS}/{channel_id}/test")
            the.now += 60
    everything = the.get("/deliveries").json()
    assert (everything["total"], everything["limit"], everything["offset"]) == (3, 50, 0)
    newest = everything["deliveries"][0]
    assert (newest["channel_type"], newest["status"]) == ("slack", "delivered")
    assert newest["sent_at"] == "2027-01-15T08:02:00Z"
    failed = everything["deliveries"][1]
    assert (failed["status"], failed["sent_at"], failed["error"]) == (
        "failed",
        None,
        "answered 404",
    )

    def listed(**params):
        page = the.get("/deliveries", **params).json()
        return [(one["channel_type"], one["status"]) for one in page["deliveries"]], page["total"]

    slack, failed, hook = ("slack", "delivered"), ("webhook", "failed"), ("webhook", "delivered")
    assert listed(channel_type="webhook") == ([failed, hook], 2)
    assert listed(status="delivered") == ([slack, hook], 2)
    assert listed(status="sent") == ([slack, hook], 2)
    assert listed(status="failed", channel_type="slack") == ([], 0)
    assert listed(created_after="2027-01-15T08:00:30Z") == ([slack, failed], 2)
    assert listed(created_after="2027-01-15T08:00:30") == ([slack, failed], 2)
    assert listed(limit=1, offset=1) == ([failed], 3)
    assert listed(page=2, page_size=2) == ([hook], 3)


@pytest.mark.parametrize(
    "params",
    [
        {"limit": 0},
        {"limit": 1001},
        {"offset": -1},
        {"status": "odd"},
        {"channel_type": "odd"},
        {"created_after": "yesterday"},
    ],
)
def test_a_query_out_of_range_is_422(the, params):
    assert the.get("/deliveries", **params).status_code == 422


@pytest.mark.parametrize(
    "moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "-1"]
)
def test_no_moment_is_too_odd(the, moment):
    assert the.get("/deliveries", created_after=moment).status_code in (200, 422)


def test_deliveries_show_no_secret_and_stay_when_the_channel_goes(the):
    with receiving(500) as receiver:
        url = receiver.url.replace("://", "://user:hunter22@")
        channel = the.channel(url=f"{url}/hunter22?key=hunter22", secret="hunter22")
        path = f"{CHANNELS}/{channel['id']}"
        answer = the.post(f"{path}/test")
    assert "hunter22" not in answer.text
    the.delete(path)
    page = the.get("/deliveries")
    assert page.json()["total"] == 1
    assert "hunter22" not in page.text


@pytest.mark.parametrize(
    "environment",
    [
        {"WAYS_SANDBOX_SMTP_URL": "smtp//hunter22"},
        {"WAYS_SANDBOX_SMTP_URL": "http://u:hunter22@h"},
        {"WAYS_SANDBOX_SMTP_URL": "smtp://u:hunter22@h:port"},
        {"WAYS_SANDBOX_SMS_URL": "http://sms.example/hunter22"},
        {"WAYS_SANDBOX_SMS_URL": "https://sms.example/", "WAYS_SANDBOX_SMS_TOKEN": "hunter22 x"},
    ],
)
def test_an_environment_that_cannot_be_used_is_said_at_the_start_without_its_secret(
    the, environment
):
    with pytest.raises(ToolError) as caught:
        notifications.build(the.db, environment=environment)
    assert next(iter(environment)) in str(caught.value)
    assert "hunter22" not in str(caught.value)
