"""`ways-device api`: any call, with the tool's own key, care and exit statuses."""

import io
import json

import pytest
from fakeplatform import KEY, FakePlatform

from ways_device import cli, secrets


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """A served platform; its `call` runs the command on it and returns its exit status."""
    for name in ("WAYSCLOUD_API_KEY", "WAYSCLOUD_API_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WAYS_DEVICE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(secrets, "_key_from_keyring", lambda origin: None)
    key = tmp_path / "key"
    key.write_text(KEY)
    key.chmod(0o600)
    made = FakePlatform()
    with made.served() as url:
        info = {"api_url": url, "api_key_file": str(key), "mqtt_host": "h", "mqtt_tls_port": 1}
        (tmp_path / "info.json").write_text(json.dumps({**info, "ca_file": "ca.pem"}))
        made.call = lambda *words: cli.run(
            ["api", *words, "--sandbox", str(tmp_path / "info.json")]
        )
        yield made


def printed(capsys):
    captured = capsys.readouterr()
    assert captured.err == ""
    return json.loads(captured.out)


def refused(capsys):
    """Return the one line on stderr; stdout must be empty."""
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    return line


def test_answer_is_printed_as_json(fake, capsys):
    assert fake.call("GET", "credentials") == 0
    assert printed(capsys)["mqtt_broker"]["tls_port"] == 8883
    assert fake.requests == [("GET", "/v1/iot/credentials")]
    assert fake.keys_seen == [KEY]


@pytest.mark.parametrize("path", ["devices/d1", "/devices/d1/", "/v1/iot/devices/d1"])
def test_path_may_be_written_in_each_way_the_documents_do(fake, capsys, path):
    fake.devices["d1"] = {"device_id": "d1", "name": "one"}
    assert fake.call("get", path) == 0
    assert printed(capsys)["name"] == "one"


def test_body_comes_from_the_command_a_file_or_stdin(fake, tmp_path, capsys, monkeypatch):
    fake.devices["d1"] = {"device_id": "d1", "name": "one"}
    body = tmp_path / "body.json"
    body.write_text('{"name": "two"}')
    monkeypatch.setattr("sys.stdin", io.StringIO('{"name": "three"}'))
    for data, name in (('{"name": "inline"}', "inline"), (f"@{body}", "two"), ("@-", "three")):
        assert fake.call("PATCH", "devices/d1", "--data", data) == 0
        assert printed(capsys)["name"] == name


def test_empty_answer_prints_nothing(fake, capsys):
    fake.devices["d1"] = {"device_id": "d1", "name": "one"}
    assert fake.call("DELETE", "devices/d1") == 0
    assert capsys.readouterr().out == ""
    assert fake.devices == {}


def test_query_goes_into_the_query(fake, capsys):
    queries = []
    handle = fake.handle
    fake.handle = lambda method, path, *rest: queries.append(path) or handle(method, path, *rest)
    assert fake.call("GET", "profiles", "-q", "status=active", "-q", "odd=a b&c=d") == 0
    assert printed(capsys) == {"profiles": []}


def test_all_pages_come_as_one_list(fake, capsys):
    fake.datapoints = [{"id": str(number), "name": f"n{number}"} for number in range(30)]
    assert fake.call("GET", "datapoints", "--all") == 0
    assert [item["id"] for item in printed(capsys)] == [str(number) for number in range(30)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("FETCH", "devices"), "FETCH: one of GET, POST"),
        (("GET", ""), "a path below /v1/iot is expected"),
        (("GET", "devices/../account"), "a path below /v1/iot is expected"),
        (("GET", "devices//d1"), "a path below /v1/iot is expected"),
        (("GET", "devices?page=2"), "--query name=value"),
        (("POST", "devices", "-d", "{"), "--data: not JSON"),
        (("POST", "devices", "-d", '{"a": NaN}'), "--data: not JSON"),
        (("POST", "devices", "-d", "@/no/such/file"), "cannot be read"),
        (("GET", "devices", "-q", "page"), "name=value is expected"),
        (("POST", "devices", "--all"), "--all: for a plain GET"),
        (("GET", "devices", "--all", "-q", "a=b"), "--all: for a plain GET"),
    ],
)
def test_wrong_use_is_told_before_anything_is_asked(fake, capsys, words, said):
    assert fake.call(*words) == 2
    assert said in refused(capsys)
    assert fake.requests == []


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ((404, {}, '{"detail": "Device not found"}'), "there is no such thing"),
        ((401, {}, '{"detail": "bad key"}'), "refused the API key"),
        ((422, {}, '{"detail": "\\u001b[31mred"}'), "HTTP 422: red"),
        ((301, {"Location": "https://elsewhere.test/"}, ""), "redirects to https://elsewhere"),
    ],
)
def test_refusal_is_one_line_with_the_platforms_words(fake, capsys, reply, said):
    fake.faults = [reply]
    assert fake.call("GET", "devices/d1") == 4
    assert said in refused(capsys)
    assert len(fake.requests) == 1


def test_lost_answer_to_a_post_is_told_as_unclear(fake, capsys):
    fake.faults = ["lost"]
    assert fake.call("POST", "profiles", "-d", '{"name": "p"}') == 4
    assert "no answer" in refused(capsys)
    assert len(fake.profiles) == 1


def test_what_the_platform_says_steers_no_terminal_and_shows_no_key(fake, capsys):
    fake.devices["d1"] = {"device_id": "d1", "name": f"\x1b[2J\x9b31m{KEY}\u202e"}
    assert fake.call("GET", "devices/d1") == 0
    out = capsys.readouterr().out
    assert KEY not in out
    assert not [c for c in out if c != "\n" and not c.isprintable()]


@pytest.mark.parametrize("reply", ["echo", "crash"])
def test_no_form_of_key_is_shown_even_with_tracebacks(fake, tmp_path, capsys, monkeypatch, reply):
    monkeypatch.setenv("WAYS_DEVICE_DEBUG", "1")
    key = "canary/of-no+known=form"
    (tmp_path / "key").write_text(key)

    def answer(method, path, headers, body):
        said = f"no: {headers['X-API-Key']}\x1b[31m"
        return (500, {}, said) if reply == "echo" else None

    fake.handle = answer
    assert fake.call("POST", "profiles", "-d", "{}") == 4
    captured = capsys.readouterr()
    assert "Traceback" in captured.err
    assert key not in captured.out + captured.err
    assert "\x1b" not in captured.out + captured.err
