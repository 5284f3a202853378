"""The REST side: the shipped application over HTTP, with the broker stopped."""

import json
from datetime import datetime

import pytest
from sandbox_world import Api, sandbox_in

from ways_device.sandbox import api, reference

__all__ = ["Api"]


@pytest.fixture
def sandbox(tmp_path):
    with sandbox_in(tmp_path) as sandbox:
        yield sandbox


@pytest.fixture
def the(sandbox):
    return sandbox[0]


def register(the, device_id="d1", **fields):
    return the.post("/devices", json={"name": "A", "device_id": device_id, **fields})


def test_the_reference_has_59_calls_and_each_is_served_or_honestly_refused():
    assert len(reference.CALLS) == len(set(reference.CALLS)) == 59
    methods = [method for method, _ in reference.CALLS]
    counts = [methods.count(method) for method in ("GET", "POST", "DELETE", "PUT", "PATCH")]
    assert counts == [27, 16, 9, 6, 1]
    assert api.unserved() == []


@pytest.mark.parametrize(("method", "path"), reference.CALLS, ids=" ".join)
def test_every_call_of_the_reference_answers_in_json(the, method, path):
    answer = the.call(method, path)
    is_served = (method, path) not in api.unserved()
    assert (answer.status_code == 501) == (not is_served)
    assert answer.status_code < 500 or isinstance(answer.json()["detail"], str)


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "wrong"}, {"Authorization": "Bearer x"}])
def test_no_call_is_answered_without_the_key(the, headers):
    for method, path in reference.CALLS:
        answer = the.call(method, path, headers=headers)
        assert (method, path, answer.status_code) == (method, path, 401)
        assert isinstance(answer.json()["detail"], str)


@pytest.mark.parametrize(
    "path", ["/docs", "/openapi.json", "/sandbox/openapi.json", "/sandbox/ledger/d", "/v1/x"]
)
def test_nothing_else_is_answered_without_the_key_either(the, path):
    assert the.call("GET", path, headers={}).status_code == 401
    assert the.call("POST", path, headers={"X-API-Key": ""}).status_code == 401


def test_the_key_is_taken_in_either_header(the):
    key = the.key
    accepted = [{"X-API-Key": key}, {"X-API-Key": f" {key} "}, {"Authorization": f"Bearer {key}"}]
    refused = [{"Authorization": key}, {"Authorization": f"bearer {key}"}, {"X-API-Key": key[:-1]}]
    for headers in accepted:
        assert the.call("GET", "/v1/iot/devices", headers=headers).status_code == 200
    for headers in refused:
        assert the.call("GET", "/v1/iot/devices", headers=headers).status_code == 401


def test_a_new_device_is_shown_with_its_login_once(the):
    answer = register(the, description="Office", device_type="ESP32", metadata={"floor": "3"})
    assert answer.status_code == 201
    device = answer.json()
    password = device.pop("mqtt_password")
    assert len(password) >= 40
    assert (device.pop("mqtt_username"), device.pop("mqtt_client_id")) == ("d1", "d1")
    created_at = device.pop("created_at")
    assert datetime.fromisoformat(created_at.replace("Z", "+00:00"))
    assert device == {
        "device_id": "d1",
        "name": "A",
        "description": "Office",
        "device_type": "ESP32",
        "is_active": True,
        "is_online": False,
        "last_seen": None,
        "connection_status": None,
        "stability_score": None,
        "firmware_version": None,
        "tags": [],
        "metadata": {"floor": "3"},
        "messages_24h": 0,
        "battery_level": None,
        "signal_strength": None,
    }
    assert the.get("/devices/d1").json() == {**device, "created_at": created_at}


def test_no_secret_is_in_the_state_but_the_keys_own_file(the, tmp_path):
    password = register(the).json()["mqtt_password"]
    files = [path for path in tmp_path.iterdir() if path.name != "api-key"]
    contents = b"".join(path.read_bytes() for path in files)
    assert password.encode() not in contents
    assert the.key.encode() not in contents
    assert [path.name for path in tmp_path.glob("*key") if path.stat().st_mode & 0o077] == []


def test_a_device_without_an_id_gets_one(the):
    ids = {the.post("/devices", json={"name": "A"}).json()["device_id"] for _ in range(2)}
    assert [len(one) for one in ids] == [36, 36]


def test_an_id_that_is_taken_is_a_conflict_and_changes_nothing(the):
    register(the)
    answer = register(the, description="other")
    assert (answer.status_code, answer.json()) == (409, {"detail": "Device d1 already exists"})
    assert the.get("/devices/d1").json()["description"] is None


@pytest.mark.parametrize(
    "device_id", ["", "a/b", "a+b", "#", "a b", "é", "a\0", "a\n", "x" * 65, "sandbox:admin", 7]
)
def test_an_id_that_cannot_be_a_topic_level_is_refused(the, device_id):
    answer = register(the, device_id)
    assert answer.status_code == 422
    assert {"loc", "msg", "type"} == set(answer.json()["detail"][0])
    assert the.get("/devices").json()["total"] == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"\xff",
        b"[" * 100_000,
        b"{}",
        b'{"name": null}',
        b'{"name": ""}',
        b'{"name": NaN}',
        b'{"name": "\\ud800"}',
        b'{"name": "a", "metadata": []}',
        b'{"name": "a", "metadata": {"x": NaN}}',
        b'{"name": "a", "metadata": {"x": 1e999}}',
        b'{"name": "a", "metadata": {"\\ud800": 1}}',
        b'{"name": "a", "metadata": ' + b'{"x":' * 30 + b"1" + b"}" * 31,
    ],
)
def test_a_bad_body_is_refused_in_json(the, body):
    headers = {"X-API-Key": the.key, "Content-Type": "application/json"}
    answer = the.call("POST", "/v1/iot/devices", headers=headers, content=body)
    assert answer.status_code in (400, 422)
    assert answer.json()["detail"]
    assert the.get("/devices").json()["total"] == 0


def test_a_body_over_the_limit_is_refused_with_and_without_a_length(the):
    async def pieces():
        for _ in range(40):
            yield b" " * 50_000

    for content in (b" " * 1_000_001, pieces()):
        answer = the.post("/devices", content=content)
        assert (answer.status_code, list(answer.json())) == (413, ["detail"])


def test_a_change_sets_what_is_given_and_replaces_metadata(the):
    register(the, description="old", metadata={"a": "1", "b": "2"})
    answer = the.patch("/devices/d1", json={"name": "B", "metadata": {"c": "3"}})
    device = answer.json()
    assert (answer.status_code, device["name"], device["metadata"]) == (200, "B", {"c": "3"})
    assert (device["description"], device["is_active"]) == ("old", True)
    device = the.patch("/devices/d1", json={"description": None, "is_active": False}).json()
    assert (device["description"], device["is_active"], device["name"]) == (None, False, "B")
    assert the.patch("/devices/d1", json={"name": None}).json()["name"] == "B"


def test_a_deleted_device_is_gone_with_its_data(the, sandbox):
    register(the)
    ingest = sandbox[1].subscriber._ingest
    the.post("/datapoints", json={"key": "t"})
    ingest.take("devices/d1/telemetry", b'{"t": 1, "boot": 1, "seq": 0}', 1.8e9)
    the.post("/devices/d1/tags", json=["x"])
    answer = the.delete("/devices/d1")
    assert (answer.status_code, answer.content) == (204, b"")
    assert the.delete("/devices/d1").status_code == 404
    register(the)
    assert the.get("/devices/d1/telemetry", params={"hours": 87600}).json() == []
    assert the.get("/sandbox/ledger/d1").json()["boots"] == []
    assert the.get("/devices/d1").json()["tags"] == []


ABSENT = [
    ("GET", "/devices/no"),
    ("PATCH", "/devices/no"),
    ("DELETE", "/devices/no"),
    ("GET", "/devices/no/health"),
    ("GET", "/devices/no/tags"),
    ("POST", "/devices/no/tags"),
    ("DELETE", "/devices/no/tags/x"),
    ("GET", "/devices/no/telemetry"),
    ("GET", "/devices/no/telemetry/latest"),
    ("GET", "/profiles/no"),
    ("PUT", "/profiles/no"),
    ("DELETE", "/profiles/no"),
    ("POST", "/profiles/no/apply/no"),
    ("GET", "/alarms/no"),
    ("GET", "/alarms/no/timeline"),
    ("POST", "/alarms/no/resolve"),
    ("GET", "/datapoints/no"),
    ("PUT", "/datapoints/no"),
    ("DELETE", "/datapoints/no"),
]


@pytest.mark.parametrize(("method", "path"), ABSENT)
def test_what_is_not_there_is_404(the, method, path):
    body = ["t"] if path.endswith("/tags") else {}
    answer = the.call(method, f"/v1/iot{path}", json=body)
    assert answer.status_code == 404
    assert isinstance(answer.json()["detail"], str)


def test_the_list_is_paged(the):
    for number in range(5):
        register(the, f"d{number}")
    pages = [the.get("/devices", params={"page": n, "page_size": 2}).json() for n in (1, 2, 3)]
    assert [[one["device_id"] for one in page["devices"]] for page in pages] == [
        ["d0", "d1"],
        ["d2", "d3"],
        ["d4"],
    ]
    assert [page["has_more"] for page in pages] == [True, True, False]
    assert [page["total"] for page in pages] == [5, 5, 5]
    assert the.get("/devices", params={"page_size": 5}).json()["has_more"] is False
    assert set(pages[0]["devices"][0]) == {
        "device_id",
        "name",
        "is_active",
        "is_online",
        "last_seen",
    }


def test_the_list_is_filtered(the, sandbox):
    register(the, "a", device_type="ESP32")
    register(the, "b", name="Kitchen")
    register(the, "c")
    the.patch("/devices/c", json={"is_active": False})
    the.post("/devices/b/tags", json=["x"])
    sandbox[1].presence.opened("a")

    def listed(**params):
        page = the.get("/devices", params=params).json()
        return [one["device_id"] for one in page["devices"]]

    assert listed(is_active=False) == ["c"]
    assert listed(is_online=True) == ["a"]
    assert listed(is_online=False) == ["b", "c"]
    assert listed(device_type="ESP32") == ["a"]
    assert listed(tag="x") == ["b"]
    assert listed(search="kitch") == ["b"]
    assert listed(search="%") == []
    assert listed(is_active=True, is_online=True) == ["a"]


def test_the_list_takes_limit_and_offset_as_well(the):
    for number in range(5):
        register(the, f"d{number}")

    def part(**params):
        found = the.get("/devices", params=params).json()
        ids = [one["device_id"] for one in found.pop("devices")]
        return ids, found

    assert part(limit=2, offset=1) == (
        ["d1", "d2"],
        {"total": 5, "page": 1, "page_size": 2, "limit": 2, "offset": 1, "has_more": True},
    )
    ids, found = part(limit=2, offset=3)
    assert (ids, found["has_more"], found["page"]) == (["d3", "d4"], False, 2)
    ids, found = part(offset=4)
    assert (ids, found["page_size"], found["has_more"]) == (["d4"], 20, False)
    assert part(offset=5)[0] == []
    assert part(limit=2, offset=0, page=3, page_size=1)[0] == ["d0", "d1"]
    assert list(part()[1]) == ["total", "page", "page_size", "has_more"]


def test_the_list_is_filtered_by_group_profile_and_the_older_names(the):
    for device_id in ("a", "b", "c"):
        register(the, device_id, device_type=device_id.upper())
    the.patch("/devices/c", json={"is_active": False})
    group = the.post("/groups", json={"name": "G"}).json()["id"]
    the.post(f"/groups/{group}/devices", json={"device_ids": ["a", "c"]})
    profile = the.post("/profiles", json={"name": "P"}).json()["id"]
    the.post(f"/profiles/{profile}/apply/b")

    def listed(**params):
        page = the.get("/devices", params=params).json()
        return [one["device_id"] for one in page["devices"]]

    assert listed(group_id=group) == ["a", "c"]
    assert listed(group_id="no") == []
    assert listed(profile_id=profile) == ["b"]
    assert listed(status="active") == ["a", "b"]
    assert listed(status="inactive") == ["c"]
    assert listed(status="inactive", is_active=True) == ["a", "b"]
    assert listed(type="B") == ["b"]
    assert listed(group_id=group, type="A", status="active") == ["a"]


@pytest.mark.parametrize(
    "query",
    [
        *("page=0", "page_size=0", "page_size=101", "is_active=maybe", "page=1e9"),
        *("limit=0", "limit=101", "offset=-1", "offset=99999999999999999999", "status=error"),
    ],
)
def test_a_query_out_of_range_is_422(the, query):
    assert the.get(f"/devices?{query}").status_code == 422


def test_tags_come_as_an_array_or_an_object(the):
    register(the)
    assert the.post("/devices/d1/tags", json=["b", "a"]).json() == {"added": ["b", "a"]}
    assert the.post("/devices/d1/tags", json={"tags": ["a", "c"]}).json() == {"added": ["c"]}
    assert the.get("/devices/d1/tags").json() == {"tags": ["b", "a", "c"]}
    assert the.get("/devices/d1").json()["tags"] == ["b", "a", "c"]
    assert the.delete("/devices/d1/tags/b").status_code == 204
    assert the.delete("/devices/d1/tags/b").status_code == 404
    assert the.get("/devices/d1/tags").json() == {"tags": ["a", "c"]}
    assert the.post("/devices/d1/tags", json=["", "ok"]).status_code == 422


def test_a_profile_is_kept_changed_in_part_and_applied(the):
    body = {"name": "P", "expected_topics": ["devices/+/telemetry"], "metadata": {"a": 1}}
    created = the.post("/profiles", json={**body, "reporting_interval_seconds": 60})
    profile = created.json()
    assert (created.status_code, profile["description"]) == (201, None)
    path = f"/profiles/{profile['id']}"
    changed = the.put(path, json={"reporting_interval_seconds": 120}).json()
    assert {**changed, "updated_at": 0} == {
        **profile,
        "reporting_interval_seconds": 120,
        "updated_at": 0,
    }
    assert the.get(path).json() == changed
    listed = {"id": profile["id"], "name": "P", "reporting_interval_seconds": 120}
    assert the.get("/profiles").json() == {"profiles": [listed]}
    register(the)
    applied = {"profile_id": profile["id"], "device_id": "d1", "applied": True}
    assert the.post(f"{path}/apply/d1").json() == applied
    assert the.get("/sandbox/devices/d1").json()["profile_id"] == profile["id"]
    assert the.post(f"{path}/apply/no").status_code == 404
    assert the.delete(path).status_code == 204
    assert the.get("/sandbox/devices/d1").json()["profile_id"] is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "P", "reporting_interval_seconds": 0},
        {"name": "P", "reporting_interval_seconds": "soon"},
        {"name": "P", "expected_topics": "devices/+/telemetry"},
    ],
)
def test_a_profile_out_of_range_is_422(the, body):
    assert the.post("/profiles", json=body).status_code == 422


def test_a_datapoint_is_created_with_a_key_and_read_back_with_a_name(the):
    body = {"key": "temperature", "label": "Temperature", "unit": "°C", "data_type": "number"}
    created = the.post("/datapoints", json=body)
    datapoint = created.json()
    assert created.status_code == 201
    assert {key: datapoint[key] for key in ("name", "label", "unit", "data_type")} == {
        "name": "temperature",
        "label": "Temperature",
        "unit": "°C",
        "data_type": "number",
    }
    assert "key" not in datapoint
    path = f"/datapoints/{datapoint['id']}"
    assert the.put(path, json={"label": "T", "key": "x"}).json() == {**datapoint, "label": "T"}
    assert the.get(path).json()["label"] == "T"
    assert the.get("/datapoints").json()["datapoints"][0]["name"] == "temperature"
    assert the.post("/datapoints", json=body).status_code == 409
    assert the.delete(path).status_code == 204
    assert the.get("/datapoints").json() == {"datapoints": []}


@pytest.mark.parametrize(
    "key", ["", "boot", "seq", "timestamp", "time_unknown", "a/b", "a b", "+"]
)
def test_a_key_that_cannot_be_one_is_refused(the, key):
    assert the.post("/datapoints", json={"key": key}).status_code == 422


def test_telemetry_is_read_by_time_and_by_datapoint(the, sandbox):
    register(the)
    ids = {
        key: the.post("/datapoints", json={"key": key, "unit": "°C"}).json()["id"]
        for key in ("t", "h")
    }
    now = sandbox[1].platform.telemetry._clock()
    for age_s, value in ((3600, 1), (60, 2), (30 * 3600, 3)):
        reading = {"t": value, "h": value, "timestamp": int(now - age_s)}
        sandbox[1].subscriber._ingest.take(
            "devices/d1/telemetry", json.dumps(reading).encode(), now
        )

    def read(**params):
        items = the.get("/devices/d1/telemetry", params=params).json()
        return [item["value"] for item in items if item["name"] == "t"]

    def at(age_s):
        return datetime.fromtimestamp(now - age_s).astimezone().isoformat()

    assert read() == [2, 1]
    assert read(hours=48) == [2, 1, 3]
    assert read(start=at(7200), end=at(100)) == [1]
    assert read(end=at(7200), hours=48) == [3]
    assert read(limit=2, hours=48) == [2]
    assert read(datapoint_id=ids["h"]) == read(datapoint_id="h") == read(key="h") == []
    assert read(datapoint_id=ids["t"]) == read(datapoint_id="t") == read(key="t") == [2, 1]
    assert read(datapoint_id="no") == []
    assert read(start=int(now - 7200), end=int(now - 100)) == [1]
    assert read(start=at(100), end=at(7200)) == []
    assert len(the.get("/devices/d1/telemetry", params={"datapoint_id": ids["h"]}).json()) == 2
    latest = the.get("/devices/d1/telemetry/latest").json()
    assert [(item["name"], item["value"], item["unit"]) for item in latest] == [
        ("h", 2, "°C"),
        ("t", 2, "°C"),
    ]
    assert latest[1]["datapoint_id"] == ids["t"]
    assert set(latest[1]) == {
        "datapoint_id",
        "name",
        "label",
        "unit",
        "data_type",
        "measured_at",
        "value",
    }


@pytest.mark.parametrize(
    "query",
    [
        *("hours=0", "hours=87601", "hours=x", "limit=0", "limit=10001"),
        *("start=soon", "end=99999999999999999", "start=2026-99-01"),
    ],
)
def test_a_span_of_telemetry_that_cannot_be_is_422(the, query):
    register(the)
    assert the.get(f"/devices/d1/telemetry?{query}").status_code == 422


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_the_ends_of_time_are_in_range(the, moment):
    register(the)
    for name in ("start", "end"):
        answer = the.get("/devices/d1/telemetry", params={name: moment})
        assert (answer.status_code, answer.json()) == (200, [])


def test_null_clears_what_may_be_empty_in_a_profile_and_leaves_its_name(the):
    body = {"name": "P", "description": "d", "expected_topics": ["t"], "metadata": {"a": 1}}
    path = f"/profiles/{the.post('/profiles', json=body).json()['id']}"
    nulls = dict.fromkeys(body)
    changed = the.put(path, json={**nulls, "reporting_interval_seconds": None}).json()
    shown = [changed[key] for key in (*body, "reporting_interval_seconds")]
    assert shown == ["P", None, [], {}, None]


def test_the_brokers_address_names_no_port_without_tls(the):
    assert the.get("/credentials").json() == {
        "mqtt_broker": {
            "host": "127.0.0.1",
            "port": None,
            "tls_port": 28883,
            "websocket_port": None,
            "protocol": "mqtts",
        }
    }


def test_a_broker_that_cannot_start_is_said_in_json(the):
    answer = the.post("/sandbox/broker/start")
    assert answer.status_code == 503
    assert "mosquitto cannot be started" in answer.json()["detail"]
