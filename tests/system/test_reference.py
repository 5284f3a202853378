"""Every call of the API reference, as its own curl example makes it, against a real sandbox.

Of an example only the host, the key and the ids are replaced; of an answer the shape has to be
that of the reference's sample.
"""

import json
import re
import shutil
import subprocess

import platform_world
import pytest
from reference import calls
from sandbox_rig import running

CURL = shutil.which("curl")
# What users put in there is their own: it comes back as it was sent.
FREE = ("metadata", "config")
ABSENT = "00000000-0000-4000-8000-000000000000"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")
# What must have been done before a call can succeed.
FIRST = {
    "POST /alarms/{alarm_id}/reopen": ("POST", "/alarms/{alarm_id}/resolve"),
    "DELETE /groups/{group_id}/devices/{device_id}": None,
}
QUICK_START = [
    ("POST", "/devices", {"name": "Sensor A", "device_type": "ESP32"}),
    ("GET", "/alarms?status=active", None),
    (
        "POST",
        "/notifications/channels",
        {
            "name": "Ops Webhook",
            "channel_type": "webhook",
            "config": {"url": "https://example.com/hook"},
        },
    ),
]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    if CURL is None:
        pytest.skip("curl runs the examples, and there is none here: apt install curl")
    with running(tmp_path_factory.mktemp("reference")) as sandbox:
        yield sandbox


@pytest.fixture
def world(sandbox):
    return platform_world.World(sandbox)


def curl(sandbox, method, path, body=None, key=None):
    """Run curl as the reference writes it. Returns the status and the text of the answer."""
    key = sandbox.http.headers["X-API-Key"] if key is None else key
    command = [CURL, "--silent", "--show-error", "--max-time", "20", "-w", "\n%{http_code}"]
    command += ["-X", method] if method != "GET" else []
    command += [f"{sandbox.info['api_url']}/v1/iot{path}", "-H", f"X-API-Key: {key}"]
    if body is not None:
        command += ["-H", "Content-Type: application/json", "-d", body]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    text, status = done.stdout.rsplit("\n", 1)
    return int(status), text


def kind(value):
    if isinstance(value, str):
        return "time" if MOMENT.fullmatch(value) else "text"
    kinds = {bool: "boolean", int: "number", float: "number", dict: "object", list: "array"}
    return kinds.get(type(value), "null")


def shape(value, where="answer"):
    """Yield the place and the kind of everything in value."""
    yield where, kind(value)
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from shape(None if name in FREE else inner, f"{where}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from shape(inner, f"{where}[]")


def faults(sample, answer):
    """Return what of sample's shape answer lacks. null stands for anything, in either."""
    found = {}
    for where, what in shape(answer):
        found.setdefault(where, set()).add(what)
    # Nothing can be said of what would be inside of these.
    hollow = tuple(
        f"{place}{mark}"
        for place, kinds in found.items()
        for mark in (".", "[]")
        if kinds <= {"null"} or (kinds == {"array"} and f"{place}[]" not in found)
    )
    wrong = []
    for where, what in dict.fromkeys(shape(sample)):
        kinds = found.get(where, set()) - {"null"}
        if where in found and (kinds <= {what} or what == "null"):
            continue
        if where not in found and where.startswith(hollow):
            continue
        wrong.append(f"{where}: {' and '.join(sorted(kinds)) or 'nothing'}, not {what}")
    return wrong


@pytest.mark.parametrize("call", calls(), ids=str)
def test_the_references_example_runs_and_its_answer_has_the_samples_shape(sandbox, world, call):
    if first := FIRST.get(str(call)):
        assert curl(sandbox, first[0], world.named(first[1]))[0] < 300
    path = world.named(call.path)
    body = None if call.body is None else world.named(json.dumps(call.body))
    status, text = curl(sandbox, call.method, path, body)
    assert 200 <= status < 300, (status, text)
    if call.method == "DELETE":
        assert (status, text) == (204, "")
    else:
        assert faults(call.answer, json.loads(text)) == [], text


@pytest.mark.parametrize(("method", "path", "body"), QUICK_START, ids=lambda part: str(part)[:20])
def test_the_quick_start_runs(sandbox, method, path, body):
    text = None if body is None else json.dumps(body)
    status, answer = curl(sandbox, method, path, text)
    assert 200 <= status < 300, answer


@pytest.mark.parametrize("call", [one for one in calls() if "{" in one.path], ids=str)
def test_what_does_not_exist_is_404(sandbox, world, call):
    first = re.search(r"\{\w+\}", call.path)[0]
    path = world.named(call.path.replace(first, ABSENT))
    body = None if call.body is None else world.named(json.dumps(call.body))
    status, text = curl(sandbox, call.method, path, body)
    assert status == 404, text
    assert json.loads(text)["detail"]


@pytest.mark.parametrize("call", calls(), ids=str)
def test_no_call_answers_without_the_key(sandbox, call):
    for key in ("", "wayscloud_iot_sandbox_wrong"):
        status, text = curl(sandbox, call.method, call.path, key=key)
        assert status == 401, text


def test_every_field_of_the_references_tables_is_known(sandbox):
    schema = sandbox.call("GET", "/sandbox/openapi.json")
    for call in calls():
        if call.fields:
            operation = schema["paths"][f"/v1/iot{call.path}"][call.method.lower()]
            found = json.dumps(operation["requestBody"])
            models = re.findall(r"#/components/schemas/(\w+)", found)
            known = {
                name
                for model in models
                for name in schema["components"]["schemas"][model].get("properties", ())
            }
            assert set(call.fields) <= known, call


def test_the_shape_check_finds_what_is_wrong():
    sample = {"id": "a", "at": "2026-03-30T09:55:00Z", "n": 1, "ok": True, "list": [{"x": 1.5}]}
    assert faults(sample, {**sample, "more": 1, "n": 2.5}) == []
    wrong = {"at": "yesterday", "n": "1", "ok": 1, "list": [{}]}
    assert faults(sample, wrong) == [
        "answer.id: nothing, not text",
        "answer.at: text, not time",
        "answer.n: text, not number",
        "answer.ok: number, not boolean",
        "answer.list[].x: nothing, not number",
    ]
    assert faults(sample, {**sample, "at": None, "list": []}) == []
    assert faults({"at": None}, {"at": "later"}) == []
    assert faults({"at": None}, {}) == ["answer.at: nothing, not null"]
