"""The HTTP client: what it sends, what it sends twice, and what it makes of every answer."""

import gzip
import time

import httpx
import pytest
from fakeplatform import KEY, FakePlatform

from ways_device.api import client as client_module
from ways_device.api.answers import Answer, detail
from ways_device.api.client import LIMIT_BYTES, Client, origin_of
from ways_device.api.platform import Datapoint, Platform
from ways_device.errors import (
    AmbiguousError,
    ApiError,
    AuthError,
    ConflictError,
    NotFoundError,
    UsageError,
)

ORIGIN = "https://api.test"


def client_for(answer, waits=None):
    """A client whose every request goes to answer(request); its pauses are only noted."""
    sleep = (waits if waits is not None else []).append
    return Client(ORIGIN, KEY, httpx.MockTransport(answer), sleep)


def replying(*replies):
    """Return (answer function, the requests it saw); the last reply repeats."""
    seen = []

    def answer(request):
        seen.append(request)
        reply = replies[min(len(seen), len(replies)) - 1]
        if isinstance(reply, Exception):
            raise reply
        status, headers, text = reply
        return httpx.Response(status, headers=headers, text=text)

    return answer, seen


def test_key_goes_in_one_header_and_nowhere_else():
    answer, seen = replying((200, {}, "{}"))
    client_for(answer).get("devices", params={"page": "1"})
    assert seen[0].headers["X-API-Key"] == KEY
    assert "Authorization" not in seen[0].headers
    assert KEY not in str(seen[0].url)


def test_path_parts_are_quoted():
    answer, seen = replying((200, {}, "{}"))
    client_for(answer).call("DELETE", "devices", "a/b?c#d%", "tags", "ü")
    assert seen[0].url.raw_path == b"/v1/iot/devices/a%2Fb%3Fc%23d%25/tags/%C3%BC"


@pytest.mark.parametrize("part", ["", ".", ".."])
def test_id_that_would_reach_another_path_is_refused(part):
    answer, seen = replying((200, {}, "{}"))
    with pytest.raises(ApiError, match="no id"):
        client_for(answer).get("devices", part)
    assert seen == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed(status):
    answer, seen = replying((status, {"Location": "https://elsewhere.test/x"}, ""))
    with pytest.raises(ApiError, match=r"redirects to https://elsewhere.test/x"):
        client_for(answer).get("credentials")
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("status", "kind", "text"),
    [
        (400, ApiError, "the platform refused"),
        (401, AuthError, "refused the API key"),
        (403, AuthError, "iot permission"),
        (404, NotFoundError, "no such thing"),
        (409, ConflictError, "exists already"),
        (402, ApiError, "limit"),
        (422, ApiError, "HTTP 422"),
        (501, ApiError, "has a fault"),
    ],
)
def test_status_becomes_the_error_that_says_what_to_do(status, kind, text):
    answer, seen = replying((status, {}, '{"detail": "because"}'))
    with pytest.raises(kind, match=text) as caught:
        client_for(answer).get("devices")
    assert type(caught.value) is kind
    assert "because" in str(caught.value)
    assert caught.value.status == status
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"detail": "text"}', "text"),
        (
            '{"detail": [{"loc": ["body", "name"], "msg": "required", "type": "missing"}]}',
            "name: required",
        ),
        ('{"detail": {"error": "no"}}', "no"),
        ('{"error": {"code": "AUTH_FAILED", "message": "bad key"}}', "AUTH_FAILED: bad key"),
        ('{"error": "no"}', "no"),
        ('{"message": "no"}', "no"),
        ("<html><body>502</body></html>", ""),
        ("plain words", "plain words"),
        ("", ""),
        ("[]", ""),
        ("null", ""),
        ("[" * 100_000, "[" * 197 + "..."),
        (f'{{"detail": "key {KEY} \\u001b[31mred"}}', "key wayscloud_*** red"),
    ],
)
def test_error_bodies_of_every_shape_become_one_harmless_line(body, expected):
    assert detail(body) == expected


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_repeatable_call_is_repeated_after_a_passing_fault(method, status):
    waits = []
    answer, seen = replying((status, {}, ""), (status, {}, ""), (200, {}, "{}"))
    assert client_for(answer, waits).call(method, "devices", "d").status == 200
    assert len(seen) == 3
    assert len(waits) == 2


def test_repeating_ends():
    answer, seen = replying((503, {}, '{"detail": "busy"}'))
    with pytest.raises(ApiError, match="busy"):
        client_for(answer).get("devices")
    assert len(seen) == 4


@pytest.fixture
def no_jitter(monkeypatch):
    """Return the (least, most) of each random wait, which is nothing now."""
    asked = []
    monkeypatch.setattr(client_module.random, "uniform", lambda *ends: asked.append(ends) or 0.0)
    return asked


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [
        ("3", 3),
        ("0.5", 0.5),
        ("1000000000", 20),
        ("-5", 0),
        ("nan", 0),
        ("inf", 20),
        ("soon", 0),
        ("", 0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 20),
        ("Wed, 99 Oct 2015 07:28:00 GMT", 0),
        ("Wed, 21 Oct 99999 07:28:00 GMT", 0),
        ("9" * 5000, 20),
        ("\u0663", 3),
    ],
)
def test_server_decides_the_wait_up_to_a_limit(header, wait_s, no_jitter):
    waits = []
    answer, _ = replying((429, {"Retry-After": header.encode()}, ""), (200, {}, "{}"))
    client_for(answer, waits).get("devices")
    assert waits == [wait_s]


def test_wait_may_be_given_as_a_date(no_jitter):
    waits = []
    when = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 10))
    answer, _ = replying((503, {"Retry-After": when}, ""), (200, {}, "{}"))
    client_for(answer, waits).get("devices")
    assert 7 <= waits[0] <= 10


def test_random_wait_grows_and_is_on_top_of_what_the_server_asks_for(no_jitter):
    answer, _ = replying((503, {"Retry-After": "7"}, "no"))
    waits = []
    with pytest.raises(ApiError, match="has a fault"):
        client_for(answer, waits).get("devices")
    assert waits == [7, 7, 7]
    assert no_jitter == [(0, 1.0), (0, 2.0), (0, 4.0)]


def test_post_refused_with_a_time_to_wait_is_sent_again_after_it(no_jitter):
    waits = []
    answer, seen = replying((429, {"Retry-After": "2"}, ""), (201, {}, "{}"))
    assert client_for(answer, waits).call("POST", "devices", body={}).status == 201
    assert (len(seen), waits) == (2, [2])


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_page_of_a_gateway_is_no_success(method):
    answer, seen = replying((200, {}, "<html>Welcome</html>"), (200, {}, "{}"))
    assert client_for(answer).call(method, "devices", "d").text == "{}"
    assert len(seen) == 2
    answer, seen = replying((200, {}, "<html>Welcome</html>"))
    with pytest.raises(ApiError, match="is not JSON; is this the platform's address"):
        client_for(answer).call(method, "devices", "d").json(method)
    assert len(seen) == 4


def test_page_of_a_gateway_to_a_post_is_ambiguous_and_kept():
    answer, seen = replying((201, {}, "<html>Welcome</html>"))
    with pytest.raises(AmbiguousError, match="is not JSON") as caught:
        client_for(answer).call("POST", "devices", body={})
    assert caught.value.body == "<html>Welcome</html>"
    assert len(seen) == 1


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST"])
def test_empty_success_is_a_success(method):
    answer, seen = replying((204, {}, ""))
    assert client_for(answer).call(method, "devices", "d").status == 204
    assert len(seen) == 1


def test_packed_answer_is_neither_asked_for_nor_unpacked():
    bomb = gzip.compress(b"[" + b" " * 50_000_000 + b"]")
    seen = []

    def answer(request):
        seen.append(request.headers["Accept-Encoding"])
        return httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=_Raw(bomb))

    with pytest.raises(ApiError, match="packed"):
        client_for(answer).get("devices")
    assert set(seen) == {"identity"}


class _Raw(httpx.SyncByteStream):
    """A body as it comes over the wire; nobody may read this one."""

    def __init__(self, data):
        self._data = data

    def __iter__(self):
        raise AssertionError("it was read")


def test_body_is_json_that_no_text_can_break():
    answer, seen = replying((200, {}, "{}"))
    client_for(answer).call("PATCH", "devices", "d", body={"name": "\ud800 \u2028 ü"})
    assert seen[0].headers["Content-Type"] == "application/json"
    assert seen[0].content == b'{"name": "\\ud800 \\u2028 \\u00fc"}'


def test_id_of_half_a_character_reaches_no_other_path():
    answer, seen = replying((200, {}, "{}"))
    client_for(answer).get("devices", "\ud800")
    assert seen[0].url.raw_path == b"/v1/iot/devices/%3F"


@pytest.mark.parametrize(
    "reply",
    [
        (500, {}, ""),
        (502, {}, "<html>"),
        (503, {}, ""),
        (504, {}, ""),
        httpx.ReadTimeout("late"),
        httpx.RemoteProtocolError("Server disconnected"),
        httpx.WriteError("broken"),
    ],
)
def test_post_without_a_clear_answer_is_never_sent_twice(reply):
    answer, seen = replying(reply, (201, {}, "{}"))
    with pytest.raises(AmbiguousError):
        client_for(answer).call("POST", "devices", body={"name": "n"})
    assert len(seen) == 1


@pytest.mark.parametrize("status", [400, 409, 422, 429, 501])
def test_post_that_was_clearly_refused_is_not_ambiguous(status):
    answer, seen = replying((status, {}, ""))
    with pytest.raises(ApiError) as caught:
        client_for(answer).call("POST", "devices", body={})
    assert not isinstance(caught.value, AmbiguousError)
    assert len(seen) == 1


def test_post_that_never_left_is_sent_again():
    answer, seen = replying(httpx.ConnectError("refused"), (201, {}, "{}"))
    assert client_for(answer).call("POST", "devices", body={}).status == 201
    assert len(seen) == 2


def test_unreachable_api_is_named():
    answer, _ = replying(httpx.ConnectError("[Errno 111] Connection refused"))
    with pytest.raises(ApiError, match=r"cannot reach the API at https://api.test .*refused"):
        client_for(answer).get("devices")


def test_untrusted_certificate_is_not_tried_again():
    answer, seen = replying(httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed"))
    with pytest.raises(ApiError, match="not trusted"):
        client_for(answer).get("devices")
    assert len(seen) == 1


def test_endless_answer_is_cut_off():
    answer, _ = replying((200, {}, "x" * (LIMIT_BYTES + 1)))
    with pytest.raises(ApiError, match="over 1000000 bytes"):
        client_for(answer).get("devices")


def test_page_of_a_proxy_is_not_an_answer():
    with pytest.raises(ApiError, match="is not JSON"):
        Answer(200, "<html>Welcome</html>").json("GET /v1/iot/devices")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.test", "https://api.test"),
        ("https://api.test/", "https://api.test"),
        (" https://API.test:8443 ", "https://api.test:8443"),
    ],
)
def test_origin(url, expected):
    assert origin_of(url, allow_http=False) == expected


@pytest.mark.parametrize(
    "url",
    [
        "http://api.test",
        "http://127.0.0.1:1",
        "api.test",
        "ftp://api.test",
        "https://user@api.test",
        "https://api.test/v1",
        "https://api.test?x=1",
        "https://api.test:port",
        "https://api.test:99999",
        "https://@api.test",
        "https://[::1",
        "https://a b",
        "https://api.test\x1b[31m",
        "https://\u0430pi.test",
        "//api.test",
        "",
    ],
)
def test_address_that_is_none_or_unsafe_is_refused(url):
    with pytest.raises(UsageError):
        origin_of(url, allow_http=False)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://localhost:80", "http://localhost:80"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("http://api.test", None),
        ("http://127.0.0.1.evil.test", None),
        ("http://localhost.evil.test", None),
        ("http://192.168.1.1", None),
        ("http://[::2]", None),
        ("http://127.0.0.1@evil.test", None),
    ],
)
def test_http_goes_to_this_computer_alone_even_where_it_is_allowed(url, expected):
    if expected:
        assert origin_of(url, allow_http=True) == expected
        return
    with pytest.raises(UsageError):
        origin_of(url, allow_http=True)


def test_lists_come_in_envelopes_or_bare():
    for text in ('{"profiles": [{"id": "1", "name": "n"}]}', '[{"id": "1", "name": "n"}]'):
        answer, _ = replying((200, {}, text))
        assert [profile.id for profile in Platform(client_for(answer)).profiles()] == ["1"]


def test_datapoint_whose_answer_was_lost_is_looked_up_not_made_twice():
    fake = FakePlatform()
    platform = Platform(Client(ORIGIN, KEY, fake.transport(), lambda seconds: None))
    fake.faults = ["lost"]
    platform.create_datapoint(Datapoint("temperature", "degC", "number"))
    assert [point["name"] for point in fake.datapoints] == ["temperature"]


def test_real_server_that_drops_the_connection_is_ambiguous():
    fake = FakePlatform()
    with fake.served() as url:
        client = Client(url, KEY)
        fake.faults = ["lost"]
        with pytest.raises(AmbiguousError, match="no answer"):
            client.call("POST", "devices", body={"device_id": "d", "name": "n", "metadata": {}})
        assert client.get("devices", "d").status == 200
        client.close()
    assert fake.made == 1


def test_proxy_of_the_environment_is_not_used_over_http(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    fake = FakePlatform()
    with fake.served() as url:
        client = Client(url, KEY)
        assert client.get("credentials").status == 200
        client.close()
