"""The vendor's own SDK and command line, unchanged, against a real sandbox."""

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import platform_world
import pytest
from sandbox_rig import running
from wayscloud import WaysCloudClient
from wayscloud import exceptions as errors
from wayscloud.services.iot import IoTService

CLOUD = Path(sys.executable).parent / "cloud"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with running(tmp_path_factory.mktemp("vendor")) as sandbox:
        yield sandbox


@pytest.fixture
def world(sandbox):
    return platform_world.World(sandbox)


@pytest.fixture
def client(sandbox, monkeypatch):
    for name in ("WAYSCLOUD_TOKEN", "WAYSCLOUD_API_KEY", "WAYSCLOUD_API_URL"):
        monkeypatch.delenv(name, raising=False)
    key = sandbox.http.headers["X-API-Key"]
    with WaysCloudClient(api_key=key, base_url=sandbox.info["api_url"]) as client:
        # Nothing here is slow or busy: an answer that makes it try again is a fault of ours.
        client.MAX_RETRIES = 1
        yield client


class Recorded:
    """The SDK's IoT calls; called has the names of those that were used."""

    def __init__(self, service):
        self._service = service
        self.called = set()

    def __getattr__(self, name):
        self.called.add(name)
        return getattr(self._service, name)


def public(service):
    """Return the names of its methods; an alias is the method it names."""
    methods = inspect.getmembers(service, inspect.isfunction)
    return {method.__name__ for name, method in methods if not name.startswith("_")}


def devices_and_groups(iot, world):
    device_id = f"sdk-{world.device_id}"
    created = iot.create_device(device_id, "Made by the SDK", "ESP32", "Roof", {"floor": "3"})
    assert created["device_id"] == device_id
    assert created["mqtt_password"]
    assert device_id in [device["device_id"] for device in iot.list()]
    assert iot.update_device(device_id, name="Renamed", is_active=False)["name"] == "Renamed"
    assert iot.get(device_id)["is_active"] is False
    assert iot.device_health(world.device_id)["components"]["alarm_burden"] < 100
    assert iot.add_device_tags(device_id, ["roof", "old"])["added"] == ["roof", "old"]
    iot.remove_device_tag(device_id, "old")
    assert iot.device_tags(device_id) == ["roof"]
    (latest,) = iot.device_telemetry(world.device_id)
    assert (latest["name"], latest["value"]) == (world.key, 41.5)
    history = iot.device_telemetry_history(world.device_id, world.datapoint_id, hours=1)
    assert [item["value"] for item in history] == [41.5]

    group_id = iot.create_group("SDK group", "of the SDK")["id"]
    assert group_id in [group["id"] for group in iot.groups()]
    assert iot.add_devices_to_group(group_id, [device_id])["added"] == [device_id]
    assert iot.update_group(group_id, name="Other")["name"] == "Other"
    assert iot.get_group(group_id)["description"] == "of the SDK"
    iot.remove_device_from_group(group_id, device_id)
    iot.delete_group(group_id)
    with pytest.raises(errors.NotFoundError):
        iot.get_group(group_id)
    iot.delete_device(device_id)


def profiles_rules_and_datapoints(iot, world):
    topics = ["devices/+/telemetry"]
    profile_id = iot.create_profile(
        "SDK profile", expected_topics=topics, reporting_interval_seconds=60
    )["id"]
    assert profile_id in [profile["id"] for profile in iot.profiles()]
    changed = iot.update_profile(profile_id, reporting_interval_seconds=120)
    assert changed["reporting_interval_seconds"] == 120
    assert iot.get_profile(profile_id)["expected_topics"] == topics
    assert iot.apply_profile(profile_id, world.device_id)["applied"] is True
    iot.delete_profile(profile_id)

    rule_id = iot.create_rule(
        "SDK rule",
        "missing_data",
        "critical",
        config={"timeout_seconds": 900},
        scope_type="device",
        scope_device_id=world.device_id,
    )["id"]
    assert rule_id in [rule["id"] for rule in iot.rules()]
    assert rule_id not in [rule["id"] for rule in iot.rules(scope_type="fleet")]
    assert iot.update_rule(rule_id, severity="info")["severity"] == "info"
    assert iot.disable_rule(rule_id)["is_enabled"] is False
    assert iot.enable_rule(rule_id)["is_enabled"] is True
    assert iot.get_rule(rule_id)["config"]["timeout_seconds"] == 900
    iot.delete_rule(rule_id)

    key = f"humidity_{world.key}"
    datapoint_id = iot.create_datapoint(key, "Humidity", "%")["id"]
    assert datapoint_id in [datapoint["id"] for datapoint in iot.datapoints()]
    assert iot.update_datapoint(datapoint_id, label="Wet")["label"] == "Wet"
    assert iot.get_datapoint(datapoint_id)["name"] == key
    iot.delete_datapoint(datapoint_id)
    with pytest.raises(errors.ConflictError):
        iot.create_datapoint(world.key, "Twice")
    with pytest.raises(errors.ValidationError):
        iot.create_datapoint("no good", "Spaces")


def alarms(iot, world):
    (alarm,) = iot.alarms(device_id=world.device_id, status="active")
    assert iot.alarm_summary()["by_status"]["active"] >= 1
    assert iot.get_alarm(alarm["id"])["status"] == "active"
    assert iot.acknowledge_alarm(alarm["id"], "seen")["status"] == "acknowledged"
    assert iot.resolve_alarm(alarm["id"])["status"] == "resolved"
    assert iot.reopen_alarm(alarm["id"], note="not yet")["status"] == "active"
    timeline = iot.alarm_timeline(alarm["id"])
    assert {"rule_engine", "api"} == {entry["actor"] for entry in timeline}
    assert [entry["note"] for entry in timeline if entry["note"]] == ["seen", "not yet"]


def notifications(iot, world):
    channel = iot.create_notification_channel(
        "SDK hook", "webhook", {"url": platform_world.HOOK}, is_enabled=False
    )
    assert channel["id"] in [one["id"] for one in iot.notification_channels()]
    assert iot.update_notification_channel(channel["id"], name="Hook")["name"] == "Hook"
    assert iot.get_notification_channel(channel["id"])["is_enabled"] is False
    assert iot.test_notification_channel(channel["id"])["channel_id"] == channel["id"]
    policy = iot.create_notification_policy("SDK policy", [channel["id"]])
    assert policy["id"] in [one["id"] for one in iot.notification_policies()]
    assert iot.update_notification_policy(policy["id"], name="Mine")["name"] == "Mine"
    assert iot.get_notification_policy(policy["id"])["channel_ids"] == [channel["id"]]
    assert isinstance(iot.notification_deliveries(limit=5), list)
    iot.delete_notification_policy(policy["id"])
    iot.delete_notification_channel(channel["id"])


def account(iot, sandbox):
    assert iot.mqtt_credentials()["mqtt_broker"]["tls_port"] == sandbox.info["mqtt_tls_port"]
    assert iot.subscription()["device_count"] >= 1
    assert iot.usage()["messages_today"] >= 3


def test_every_call_of_the_sdk_is_served(client, sandbox, world):
    iot = Recorded(client.iot)
    devices_and_groups(iot, world)
    profiles_rules_and_datapoints(iot, world)
    alarms(iot, world)
    notifications(iot, world)
    account(iot, sandbox)
    assert iot.called == public(IoTService)


def test_a_wrong_key_is_the_sdks_authentication_error(sandbox):
    client = WaysCloudClient(api_key="wayscloud_iot_x", base_url=sandbox.info["api_url"])
    with client, pytest.raises(errors.AuthenticationError, match="API key"):
        client.iot.list()


def cloud(sandbox, home, *arguments):
    """Run the vendor's command. Returns what it printed as JSON."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "WAYSCLOUD_API_URL": sandbox.info["api_url"],
        # Sent as a Bearer token.
        "WAYSCLOUD_TOKEN": sandbox.http.headers["X-API-Key"],
    }
    done = subprocess.run(
        [CLOUD, "--json", "iot", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return json.loads(done.stdout)


def test_the_vendors_command_line_works(sandbox, world, tmp_path):
    def run(*arguments):
        return cloud(sandbox, tmp_path, *arguments)

    ids = world.ids
    assert world.device_id in json.dumps(run("devices"))
    assert run("devices-info", world.device_id)["device_id"] == world.device_id
    assert run("devices-telemetry", world.device_id)[0]["value"] == 41.5
    assert run("devices-health", world.device_id)["device_id"] == world.device_id
    assert ids["{group_id}"] in json.dumps(run("groups"))
    assert ids["{rule_id}"] in json.dumps(run("rules", "list"))
    assert ids["{profile_id}"] in json.dumps(run("profiles", "list"))
    assert ids["{alarm_id}"] in json.dumps(run("alarms", "list"))
    assert run("alarms", "acknowledge", ids["{alarm_id}"])["status"] == "acknowledged"
    assert run("alarms", "resolve", ids["{alarm_id}"])["status"] == "resolved"
    assert ids["{channel_id}"] in json.dumps(run("notifications", "channels"))
    assert ids["{policy_id}"] in json.dumps(run("notifications", "policies"))
    assert run("subscription")["device_count"] >= 1
    assert run("mqtt")["mqtt_broker"]["host"] == sandbox.info["mqtt_host"]
