"""What a client may not do to the sandbox's API: too much, too deep, too slow."""

import contextlib
import json
import socket
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from sandbox_rig import eventually, running

# Longer than the sandbox waits for a request, shorter than a test may take.
PATIENCE_S = 30


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with running(tmp_path_factory.mktemp("limits")) as sandbox:
        yield sandbox


def connected(sandbox):
    address = urlsplit(sandbox.info["api_url"])
    return socket.create_connection((address.hostname, address.port), PATIENCE_S)


def head(sandbox, method="POST", path="/v1/iot/profiles", **fields):
    """Return the head of a request that is let in."""
    fields = {"Host": "x", "X-API-Key": sandbox.http.headers["X-API-Key"], **fields}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {text}" for name, text in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def status_of(link):
    """Return the status of the answer, None if the connection ends without one."""
    try:
        line = link.makefile("rb").readline()
    except ConnectionError:
        return None
    return int(line.split()[1]) if line else None


def post(sandbox, body, **headers):
    headers = {"Content-Type": "application/json", **headers}
    return sandbox.http.post("/v1/iot/profiles", content=body, headers=headers)


def test_a_body_over_a_megabyte_is_refused_before_it_is_read(sandbox):
    with connected(sandbox) as link:
        link.sendall(head(sandbox, **{"Content-Length": "100000000"}))
        assert status_of(link) == 413


def test_a_body_without_a_length_is_refused_once_it_is_too_large(sandbox):
    def endless():
        for _ in range(200):
            yield b" " * 65536

    # Being cut off in the middle is as good.
    with contextlib.suppress(httpx.TransportError):
        assert post(sandbox, endless()).status_code == 413
    assert post(sandbox, json.dumps({"name": "still here"})).status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"name": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b'{"name": "\xff\xfe"}',
        b'{"name": "\\ud800"}',
        b'{"name": NaN}',
        b'{"name": ' + b"9" * 10_000 + b"}",
        b'{"name": "x"',
        b"",
        b"\x00" * 1000,
    ],
    ids=["deep", "closed", "utf8", "surrogate", "nan", "digits", "cut", "empty", "zeros"],
)
def test_a_body_that_is_no_good_json_is_a_plain_refusal(sandbox, body):
    answer = post(sandbox, body)
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["detail"]


def test_ten_thousand_headers_are_refused(sandbox):
    post(sandbox, json.dumps({"name": "there"}))
    with connected(sandbox) as link:
        lines = "".join(f"X-Header-{number}: {number}\r\n" for number in range(10_000))
        link.sendall(head(sandbox)[:-2] + lines.encode())
        assert status_of(link) in (400, 431, None)
    assert sandbox.get("/profiles")["profiles"]


@pytest.mark.parametrize(
    "wrong", ["a/b", "a+b", "a#b", "a b", "a\x00b", "\u00e4", "x" * 65, "", "../etc", "$SYS"]
)
def test_an_id_that_could_be_a_topic_or_a_path_is_refused(sandbox, wrong):
    answer = sandbox.http.post("/v1/iot/devices", json={"name": "n", "device_id": wrong})
    assert answer.status_code == 422, answer.text


@pytest.mark.parametrize("slow", ["head", "body"])
def test_a_request_that_never_ends_is_cut_off(sandbox, slow):
    whole = head(sandbox, **{"Content-Length": "1000", "Content-Type": "application/json"})
    begun = whole[:40] if slow == "head" else whole + b"{"
    with connected(sandbox) as link:
        link.sendall(begun)
        assert status_of(link) in (408, None)


def test_slow_clients_keep_nobody_else_out(sandbox):
    links = [connected(sandbox) for _ in range(250)]
    try:
        for link in links:
            link.sendall(b"GET /v1")
        eventually(lambda: sandbox.http.get("/v1/iot/profiles").status_code, 200, PATIENCE_S)
    finally:
        for link in links:
            link.close()


def test_the_listeners_are_on_this_machine_only(sandbox):
    port = urlsplit(sandbox.info["api_url"]).port
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    wanted = {f"{number:04X}" for number in (port, sandbox.info["mqtt_tls_port"])}
    found = {
        tuple(row[1].split(":")) for row in listening if row[3] == "0A" and row[1][9:] in wanted
    }
    assert {address for address, _ in found} == {"0100007F"}
    assert len(found) == len(wanted)
