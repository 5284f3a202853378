"""The dialects: how each answers, that our own client reads all of them, and how one is chosen."""

import itertools
import json

import httpx
import pytest
from sandbox_world import sandbox_in
from typer.testing import CliRunner

from ways_device.api.answers import detail
from ways_device.api.client import Client
from ways_device.api.credentials import Broker, Credentials, read_credentials
from ways_device.api.platform import Datapoint, Platform
from ways_device.errors import ApiError, AuthError, ConflictError, UsageError
from ways_device.sandbox import cli, dialect, server
from ways_device.sandbox.dialect import CHOICES, PRESETS, Dialect

REFERENCE, DOCS = PRESETS["reference"], PRESETS["docs-2025"]
ALL = [Dialect(*words) for words in itertools.product(*CHOICES.values())]
NEW = {"name": "Door", "device_id": "d1"}


@pytest.fixture(params=ALL, ids=lambda one: "-".join(vars(one).values()))
def any_sandbox(request, tmp_path):
    with sandbox_in(tmp_path, dialect=request.param) as (the, parts):
        yield the, parts


@pytest.fixture
def docs(tmp_path):
    with sandbox_in(tmp_path, dialect=DOCS) as (the, _):
        yield the


def client_of(the, key=None):
    """Our own client, talking to the sandbox's application."""

    def answer(request):
        path = request.url.raw_path.decode()
        found = the.call(request.method, path, dict(request.headers), content=request.content)
        return httpx.Response(found.status_code, headers=found.headers, content=found.content)

    transport = httpx.MockTransport(answer)
    return Client("https://sandbox.test", key or the.key, transport, lambda _s: None)


def test_there_are_eight_dialects_and_two_have_a_name():
    assert len(ALL) == 8
    assert Dialect("flat", "detail", "reference") == REFERENCE
    assert Dialect("nested", "error", "older") == DOCS


def test_our_own_client_works_in_every_dialect(any_sandbox):
    the, parts = any_sandbox
    platform = Platform(client_of(the))
    assert platform.broker() == Broker("127.0.0.1", 28883)
    assert platform.device("d1") is None
    answer = platform.register("d1", "Door", {"room": "3"})
    assert answer.status == 201
    login = read_credentials(answer.json("register"), "d1")
    assert len(login.password) >= 40
    assert login == Credentials("d1", "d1", login.password, "d1", assumed="")
    with pytest.raises(ConflictError, match="Device d1 already exists"):
        platform.register("d1", "Door", {})
    platform.rename_device("d1", "Front door")
    assert platform.device("d1")["name"] == "Front door"
    platform.create_datapoint(Datapoint("open", "", "boolean"))
    platform.create_datapoint(Datapoint("open", "", "boolean"))
    assert list(platform.datapoints()) == ["open"]
    profile = platform.create_profile("P", 60, ["devices/+/telemetry"])
    assert platform.profiles()[0].id == profile.id
    platform.apply_profile(profile.id, "d1")
    parts.subscriber._ingest.take("devices/d1/telemetry", b'{"open": true}', 1.8e9)
    assert [(one.name, one.value) for one in platform.latest("d1")] == [("open", True)]
    platform.delete_device("d1")
    assert platform.device("d1") is None


def test_our_own_client_is_told_what_was_wrong_in_every_dialect(any_sandbox):
    the, _ = any_sandbox
    with pytest.raises(AuthError, match="Invalid API key"):
        Platform(client_of(the, "wrong")).broker()
    with pytest.raises(ApiError, match=r"name: .*at least 1 character"):
        Platform(client_of(the)).register("d1", "", {})
    with pytest.raises(ApiError, match="Field required"):
        client_of(the).call("POST", "datapoints", body={})


def test_a_new_device_is_shown_flat_or_with_its_login_apart(the_of):
    flat, nested = (the_of(one).post("/devices", json=NEW).json() for one in (REFERENCE, DOCS))
    logins = {"mqtt_username", "mqtt_password", "mqtt_client_id"}
    assert set(flat) - set(nested) == logins
    assert set(nested) - set(flat) == {"mqtt_credentials"}
    login = nested["mqtt_credentials"]
    assert {**login, "password": ""} == {
        "broker": "127.0.0.1",
        "port": 28883,
        "username": "d1",
        "password": "",
        "client_id": "d1",
    }
    assert len(login["password"]) >= 40


@pytest.fixture
def the_of(tmp_path):
    """Return a function: a sandbox of its own that speaks this dialect."""
    opened = []

    def the(one):
        folder = tmp_path / str(len(opened))
        folder.mkdir()
        opened.append(sandbox_in(folder, dialect=one))
        return opened[-1].__enter__()[0]

    yield the
    for one in opened:
        one.__exit__(None, None, None)


def test_the_older_call_for_credentials_lists_the_devices(docs):
    docs.post("/devices", json=NEW)
    docs.post("/devices", json={"name": "Window", "device_id": "d2"})
    docs.patch("/devices/d2", json={"is_active": False})
    answer = docs.get("/credentials")
    assert answer.json() == {
        "broker": "127.0.0.1",
        "ports": {"mqtt": None, "mqtts": 28883, "ws": None, "wss": None},
        "protocols": ["mqtts"],
        "mqtt_versions": ["3.1.1", "5.0"],
        "devices": [
            {
                "device_id": device_id,
                "name": name,
                "username": device_id,
                "client_id": device_id,
                "status": status,
            }
            for device_id, name, status in (
                ("d1", "Door", "active"),
                ("d2", "Window", "inactive"),
            )
        ],
    }


def refused(the):
    """Yield one call for each way to be refused, with the status and code that it must have."""
    the.post("/devices", json=NEW)
    bare = {"headers": {}}
    yield the.call("GET", "/v1/iot/devices", **bare), 401, "AUTH_FAILED"
    yield the.call("GET", "/v1/iot/devices", headers={"X-API-Key": "x"}), 401, "AUTH_FAILED"
    yield the.get("/devices/no"), 404, "NOT_FOUND"
    yield the.get("/nothing"), 404, "NOT_FOUND"
    yield the.post("/devices/d1"), 405, "METHOD_NOT_ALLOWED"
    yield the.post("/devices", json=NEW), 409, "CONFLICT"
    yield the.post("/devices", content=b" " * 1_000_001), 413, "REQUEST_ENTITY_TOO_LARGE"
    yield the.post("/devices", json={}), 422, "INVALID_PARAMETER"
    yield the.post("/devices", content=b"{"), 422, "INVALID_PARAMETER"
    yield the.get("/devices?page=0"), 422, "INVALID_PARAMETER"
    yield the.post("/sandbox/broker/start"), 503, "SERVICE_UNAVAILABLE"


def test_every_refusal_has_the_shape_of_the_dialect(the_of):
    for answer, status, _ in refused(the_of(REFERENCE)):
        assert (answer.status_code, list(answer.json())) == (status, ["detail"])
    for answer, status, code in refused(the_of(DOCS)):
        expected = 400 if status == 422 else status
        assert (answer.status_code, list(answer.json())) == (expected, ["error"])
        error = answer.json()["error"]
        assert (list(error), error["code"]) == (["code", "message", "details"], code)
        assert error["message"]
        assert detail(answer.text) == f"{code}: {error['message']}"


def test_a_refusal_keeps_the_headers_it_needs(docs):
    answer = docs.post("/devices/d1")
    assert set(answer.headers["Allow"].split(", ")) <= {"GET", "PATCH", "DELETE"}


def test_bad_input_names_its_field_in_the_older_form(docs):
    answer = docs.post("/profiles", json={"name": "P", "reporting_interval_seconds": 0})
    assert answer.json()["error"] == {
        "code": "INVALID_PARAMETER",
        "message": "reporting_interval_seconds: Input should be greater than or equal to 1",
        "details": {
            "field": "reporting_interval_seconds",
            "expected": "Input should be greater than or equal to 1",
        },
    }


@pytest.mark.parametrize("name", PRESETS)
def test_a_dialect_is_chosen_by_its_name(name):
    assert dialect.of(name) == PRESETS[name]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"credentials": "nested"}', Dialect("nested")),
        ('{"errors": "error", "broker": "older"}', Dialect("flat", "error", "older")),
        ("{}", Dialect()),
    ],
)
def test_a_dialect_is_read_from_a_file(tmp_path, text, found):
    path = tmp_path / "dialect.json"
    path.write_text(text)
    assert dialect.of(str(path)) == found


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"credential": "flat"}', "'credential' is none of credentials, errors, broker"),
        ('{"errors": "xml"}', "errors is one of detail, error, not 'xml'"),
        ('{"errors": ["detail"]}', "errors is one of detail, error"),
        ('{"errors": null}', "errors is one of detail, error"),
        ("[]", "an object such as"),
        ("7", "an object such as"),
        ("{", "no JSON"),
        ("[" * 9_000, "no JSON"),
        (" " * 20_000, "no JSON"),
        (b"\xff", "no JSON"),
    ],
)
def test_a_file_that_is_no_dialect_is_refused_with_the_reason(tmp_path, content, said):
    path = tmp_path / "dialect.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError, match=said):
        dialect.of(str(path))


def test_a_dialect_that_is_not_there_is_refused_with_the_names(tmp_path):
    for name in ("docs-2019", "", str(tmp_path)):
        with pytest.raises(UsageError, match="reference, docs-2025"):
            dialect.of(name)


def started(monkeypatch, tmp_path, *arguments):
    """Return the options that `sandbox start` would serve."""
    found = []
    monkeypatch.setattr(server, "serve", found.append)
    command = ["start", "--state", str(tmp_path), *arguments]
    answer = CliRunner().invoke(cli.app, command, standalone_mode=False)
    if answer.exception:
        raise answer.exception
    return found[0]


def test_the_command_takes_a_dialect_and_a_plan(monkeypatch, tmp_path):
    plain = started(monkeypatch, tmp_path)
    assert (plain.dialect, plain.device_limit) == (REFERENCE, 1000)
    other = started(monkeypatch, tmp_path, "--dialect", "docs-2025", "--plan-devices", "5")
    assert (other.dialect, other.device_limit) == (DOCS, 5)
    (tmp_path / "own.json").write_text(json.dumps({"credentials": "nested"}))
    own = started(monkeypatch, tmp_path, "--dialect", str(tmp_path / "own.json"))
    assert own.dialect == Dialect("nested")
    with pytest.raises(UsageError, match="--dialect"):
        started(monkeypatch, tmp_path, "--dialect", "klingon")


@pytest.mark.parametrize("one", [REFERENCE, DOCS], ids=PRESETS)
def test_tags_are_read_in_both_forms_in_every_dialect(the_of, one):
    the = the_of(one)
    the.post("/devices", json=NEW)
    assert the.post("/devices/d1/tags", json=["a"]).json() == {"added": ["a"]}
    assert the.post("/devices/d1/tags", json={"tags": ["b"]}).json() == {"added": ["b"]}
