"""Our client, fed with the API reference's own samples, sends what its examples send."""

import json

import httpx
import pytest
from fakeplatform import KEY
from reference import calls

from ways_device.api.client import Client
from ways_device.api.credentials import Broker
from ways_device.api.platform import Datapoint, Latest, Platform, Profile

SAMPLES = {str(call): call for call in calls()}


class Samples:
    """A transport that answers each call with its sample; seen has what was sent."""

    def __init__(self):
        self.seen = []
        self.http = httpx.MockTransport(self._answer)

    def _answer(self, request):
        body = json.loads(request.content) if request.content else None
        self.seen.append((request.method, request.url.path, body))
        call = self._call(request.method, request.url.path.removeprefix("/v1/iot"))
        if call.answer is None:
            return httpx.Response(204)
        return httpx.Response(200, json=call.answer)

    def _call(self, method, path):
        parts = path.strip("/").split("/")
        for call in SAMPLES.values():
            names = call.path.strip("/").split("/")
            pairs = zip(names, parts, strict=False)
            if (
                call.method == method
                and len(names) == len(parts)
                and all(name.startswith("{") or name == part for name, part in pairs)
            ):
                return call
        raise AssertionError(f"{method} {path} is no call of the reference")


@pytest.fixture
def samples():
    return Samples()


@pytest.fixture
def platform(samples):
    return Platform(Client("https://api.test", KEY, samples.http, lambda _s: None))


def test_the_samples_are_those_of_all_59_calls():
    assert len(SAMPLES) == 59


def test_what_the_samples_say_is_read(platform):
    assert platform.broker() == Broker("mqtt.wayscloud.services", 8883)
    assert platform.device("sensor-001")["device_id"] == "sensor-001"
    sample = SAMPLES["GET /profiles/{profile_id}"].answer
    profile = platform.profile(sample["id"])
    assert profile == Profile(
        sample["id"],
        sample["name"],
        sample["reporting_interval_seconds"],
        tuple(sample["expected_topics"]),
    )
    listed = SAMPLES["GET /profiles"].answer["profiles"]
    assert [one.id for one in platform.profiles()] == [one["id"] for one in listed]
    points = SAMPLES["GET /datapoints"].answer["datapoints"]
    assert platform.datapoints() == {
        one["name"]: Datapoint(one["name"], one["unit"], one["data_type"]) for one in points
    }
    values = SAMPLES["GET /devices/{device_id}/telemetry/latest"].answer
    assert platform.latest("sensor-001") == [
        Latest(one["name"], one["measured_at"], one["value"], one["unit"]) for one in values
    ]


def test_what_is_sent_has_the_fields_of_the_reference(platform, samples):
    platform.register("sensor-001", "Sensor A", {"location": "oslo"})
    platform.create_profile("Every minute", 60, ["devices/+/telemetry"])
    platform.create_datapoint(Datapoint("temperature", "C", "number"))
    platform.rename_device("sensor-001", "Sensor B")
    platform.apply_profile("prof-abc123", "sensor-001")
    platform.delete_device("sensor-001")
    sent = {(method, path.removeprefix("/v1/iot")): body for method, path, body in samples.seen}
    for name in ("devices", "profiles", "datapoints"):
        assert set(sent["POST", f"/{name}"]) <= set(SAMPLES[f"POST /{name}"].fields), name
    assert set(sent["PATCH", "/devices/sensor-001"]) <= set(
        SAMPLES["PATCH /devices/{device_id}"].fields
    )
    assert sent["POST", "/profiles/prof-abc123/apply/sensor-001"] is None
    assert sent["DELETE", "/devices/sensor-001"] is None
