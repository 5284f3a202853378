"""A platform that answers anything at all: no crash, no escape sequence, no secret passed on."""

import json
import random

import httpx
import pytest
from fakeplatform import KEY

from ways_device.api.client import Client
from ways_device.api.credentials import read_credentials
from ways_device.api.platform import Datapoint, Platform
from ways_device.commands.output import print_record, print_table
from ways_device.errors import ApiError, ToolError
from ways_device.secrets import one_line, redact

ANSWERS = 10_000
STATUSES = (200, 201, 202, 204, 301, 400, 401, 402, 403, 404, 409, 422, 429, 500, 501, 503, 599)
HEADERS = ("Retry-After", "Location", "Content-Type", "Set-Cookie", "X-Odd")
NAMES = (
    *("devices", "device", "data", "items", "credentials", "mqtt", "mqtt_credentials"),
    *("mqtt_password", "password", "username", "client_id", "device_id", "name", "id"),
    *("total", "page", "page_size", "has_more", "detail", "error", "message", "code", "loc"),
    *("msg", "broker", "mqtt_broker", "ports", "mqtts", "host", "tls_port", "profiles"),
    *("profile", "datapoints", "key", "unit", "data_type", "expected_topics"),
    *("reporting_interval_seconds", "tags", "groups", "telemetry", "measured_at", "value"),
    *("plan", "device_limit", "device_count", "metadata", "is_online", "health", "alarms"),
)
WORDS = (
    *("", "x", "../../etc/passwd", "a/b", ".", "..", "%2e%2e", "-1", "1e999", "{}", "<script>"),
    *("\x1b[2J\x1b[31mred", "\x9b31m", "\x00", "\u202egnp", "\ud800", "\u2028", "d" * 5000),
    *(KEY, f"a {KEY} b", "\r\nX-Bad: 1", "\x1b]0;t\x07", "\n\n\nways-device: done", "温度"),
)
NUMBERS = (0, 1, -1, 10**30, -(2**63), 0.1, 1e308, float("nan"), float("inf"), True, False, None)
ODD_TEXTS = (
    *(b"", b"null", b"[]", b"{}", b'"text"', b"7", b"true", b'{"a": 1e999}', b'{"a": 1, "a": 2}'),
    *(b"<html>\x1b[31m</html>", b"\xff\xfe\x00", b"\xef\xbb\xbf{}"),
    *(b"[" * 50_000, b'{"a":' * 9000, b"9" * 6000),
)


class Chance:
    """Answers made up from what a platform could say, and from what it never should."""

    def __init__(self, seed):
        self._random = random.Random(seed)

    def value(self, depth=0):
        kind = self._random.randrange(5 if depth < 4 else 3)
        if kind == 0:
            return self._random.choice(WORDS)
        if kind == 1:
            return self._random.choice(NUMBERS)
        if kind == 2:
            return self._random.choice(NAMES)
        size = self._random.randrange(4)
        if kind == 3:
            return [self.value(depth + 1) for _ in range(size)]
        return {self.name(): self.value(depth + 1) for _ in range(size)}

    def name(self):
        return self._random.choice(NAMES if self._random.random() < 0.95 else WORDS)

    def body(self):
        if self._random.random() < 0.15:
            return self._random.choice(ODD_TEXTS)
        text = json.dumps(self.value()).encode()
        if self._random.random() < 0.15:
            return text[: self._random.randrange(len(text) + 1)]
        if self._random.random() < 0.1:
            at = self._random.randrange(len(text) + 1)
            return text[:at] + self._random.randbytes(3) + text[at:]
        return text

    def answer(self, _request=None):
        if self._random.random() < 0.05:
            raise self._random.choice((httpx.ReadTimeout, httpx.RemoteProtocolError))("\x1b[31m")
        status = self._random.choice(STATUSES) if self._random.random() < 0.5 else 200
        headers = {
            self._random.choice(HEADERS): self._random.choice(WORDS)
            .encode("utf-8", "replace")
            .translate(None, b"\r\n\0")
            for _ in range(self._random.randrange(3))
        }
        return httpx.Response(status, headers=headers, content=self.body())

    def call(self, platform):
        """Return what one call of the platform makes of it."""
        device_id = self._random.choice(("d1", *WORDS))
        return self._random.choice(
            (
                platform.broker,
                platform.subscription,
                platform.profiles,
                platform.datapoints,
                platform.devices.all,
                platform.groups.all,
                platform.alarms,
                lambda: platform.device(device_id),
                lambda: platform.latest(device_id),
                lambda: platform.profile(device_id),
                lambda: platform.devices.health(device_id),
                lambda: platform.devices.tags(device_id),
                lambda: platform.devices.add_tags(device_id, ["a", device_id]),
                lambda: platform.devices.change(device_id, name=device_id),
                lambda: platform.delete_device(device_id),
                lambda: platform.groups.ensure(device_id),
                lambda: platform.groups.add(device_id, [device_id]),
                lambda: platform.create_profile("p", 60, []),
                lambda: platform.create_datapoint(Datapoint("k", "u", "number")),
                lambda: platform.apply_profile(device_id, device_id),
                lambda: read_credentials(platform.register("d1", "n", {}).json("it"), "d1"),
            )
        )()


def harmless(text):
    """Tell whether a terminal can be given this, and nobody's key is in it."""
    text.encode()
    bad = [c for c in text if (ord(c) < 32 and c not in "\n\t") or 127 <= ord(c) < 160]
    return not bad and KEY not in text and "\u202e" not in text


@pytest.mark.parametrize("seed", range(4))
def test_no_answer_breaks_the_client_or_reaches_the_terminal(seed, capsys):
    chance = Chance(seed)
    answered = 0

    def answer(request):
        nonlocal answered
        answered += 1
        return chance.answer(request)

    client = Client("https://api.test", KEY, httpx.MockTransport(answer), lambda seconds: None)
    platform = Platform(client)
    kept, refused = 0, 0
    while answered < ANSWERS // 4:
        try:
            found = chance.call(platform)
        except ToolError as exc:
            assert isinstance(exc, ApiError), exc
            refused += 1
            assert harmless(str(exc)), repr(str(exc))
            assert "\n" not in str(exc)
            continue
        kept += 1
        print_record({"found": found}, as_json=False)
        print_table([{"found": found}], ["found"], as_json=False)
        print_record({"found": one_line(str(found))}, as_json=True)
        out = capsys.readouterr().out
        assert harmless(out), repr(out)
        # No value looks like a line of its own: one record, a head and a row, one document.
        assert out.count("\n") == 4
    assert min(kept, refused) > 100


def test_half_of_a_megabyte_is_taken_and_more_than_one_is_not():
    for size, is_fine in ((500_000, True), (1_000_001, False)):
        body = b'[{"name": "' + b"x" * size + b'"}]'
        transport = httpx.MockTransport(
            lambda request, body=body: httpx.Response(200, content=body)
        )
        platform = Platform(Client("https://api.test", KEY, transport, lambda seconds: None))
        if is_fine:
            assert len(platform.latest("d")[0].name) == size
        else:
            with pytest.raises(ApiError, match="over 1000000 bytes"):
                platform.latest("d")


def test_redacting_takes_no_longer_than_reading():
    text = "\x1b[" * 100_000 + "0;" * 100_000
    assert len(redact(text)) < len(text)
