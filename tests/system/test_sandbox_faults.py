"""Faults as their victims see them: a real client of the API, real devices at the broker."""

import contextlib
import json
import socket
import subprocess
import sys
import time
from urllib.parse import urlsplit

import httpx
import pytest
from sandbox_rig import COMMAND, DEADLINE_S, Device, eventually, running

# Longer than any test, so that only a mechanism can end it.
LONG_S = 300


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    with running(tmp_path_factory.mktemp("faults")) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(one):
    yield one
    one.call("DELETE", "/sandbox/faults")


@pytest.fixture
def device_id(request):
    return request.node.name.split("[")[0][-60:]


def plan(sandbox, *faults, seed=1, mqtt=()):
    document = {"seed": seed, "http": list(faults), "mqtt": list(mqtt)}
    return sandbox.call("PUT", "/sandbox/faults", document)


def ask(sandbox, method="GET", path="/devices", **options):
    return sandbox.http.request(method, f"/v1/iot{path}", **options)


def add(sandbox, device_id):
    return ask(sandbox, "POST", json={"name": "A", "device_id": device_id})


def is_there(sandbox, device_id):
    return ask(sandbox, path=f"/devices/{device_id}").status_code == 200


def raw(sandbox, path="/devices"):
    """Return all bytes of an answer until the connection is closed."""
    address = urlsplit(sandbox.info["api_url"])
    key = sandbox.http.headers["X-API-Key"]
    head = f"GET /v1/iot{path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\n"
    with socket.create_connection((address.hostname, address.port), DEADLINE_S) as client:
        client.sendall(f"{head}Connection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: client.recv(65536), b""))


@contextlib.contextmanager
def connected(sandbox, login):
    device = Device(sandbox, login)
    try:
        yield device
    finally:
        device.drop()


def test_refused_with_a_status_a_body_and_a_wait(sandbox, device_id):
    fault = {"fault": "status", "status": 429, "retry_after": 7, "body": {"error": "slow down"}}
    plan(sandbox, {**fault, "method": "POST", "path": "/devices", "times": 1})
    answer = add(sandbox, device_id)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert answer.json() == {"error": "slow down"}
    assert not is_there(sandbox, device_id)
    assert add(sandbox, device_id).status_code == 201


def test_refused_with_a_text_and_a_date(sandbox):
    date = "Wed, 21 Oct 2026 07:28:00 GMT"
    plan(sandbox, {"fault": "status", "status": 502, "body": "<html>", "retry_after": date})
    answer = ask(sandbox)
    assert (answer.status_code, answer.text) == (502, "<html>")
    assert answer.headers["Retry-After"] == date
    assert answer.headers["Content-Type"].startswith("text/plain")


def test_refused_although_it_was_carried_out(sandbox, device_id):
    fault = {"fault": "status", "status": 504, "carried_out": True, "method": "POST"}
    plan(sandbox, fault)
    assert add(sandbox, device_id).status_code == 504
    assert is_there(sandbox, device_id)


def test_half_of_all_answers_are_errors_of_the_server(sandbox):
    plan(sandbox, {"fault": "status", "status": [500, 502, 503, 504], "probability": 0.5})
    seen = [ask(sandbox).status_code for _ in range(200)]
    assert 70 < seen.count(200) < 130
    assert set(seen) == {200, 500, 502, 503, 504}


def test_an_answer_that_is_lost_after_the_call_was_carried_out(sandbox, device_id):
    plan(sandbox, {"fault": "lost", "method": "POST", "path": "/devices", "times": 1})
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        add(sandbox, device_id)
    assert is_there(sandbox, device_id)
    assert add(sandbox, device_id).status_code == 409


def test_an_answer_is_cut_at_the_very_byte(sandbox):
    whole = raw(sandbox, "/credentials")
    for at_byte in (1, 9, 17, whole.index(b"\r\n\r\n") + 4, len(whole) - 1):
        plan(sandbox, {"fault": "cut", "at_byte": at_byte})
        got = raw(sandbox, "/credentials")
        # The date may have gone on between the two.
        assert len(got) == at_byte
        assert got[:17] == whole[: min(at_byte, 17)]


def test_a_cut_body_is_an_error_of_the_connection_for_a_client(sandbox):
    plan(sandbox, {"fault": "cut", "at_byte": 200})
    with pytest.raises(httpx.RemoteProtocolError, match="peer closed connection"):
        ask(sandbox, path="/credentials")
    sandbox.call("DELETE", "/sandbox/faults")
    assert ask(sandbox, path="/credentials").status_code == 200


def test_an_answer_shorter_than_its_cut_is_whole(sandbox):
    plan(sandbox, {"fault": "cut", "at_byte": 100_000})
    assert raw(sandbox, "/credentials").endswith(b"}")


def test_a_body_that_is_no_json_under_a_good_status(sandbox, device_id):
    plan(sandbox, {"fault": "malformed"})
    answer = add(sandbox, device_id)
    assert answer.status_code == 201
    assert answer.headers["Content-Type"] == "application/json"
    with pytest.raises(json.JSONDecodeError):
        answer.json()
    # One without a body gets one.
    answer = ask(sandbox, "DELETE", f"/devices/{device_id}")
    assert (answer.status_code, answer.text) == (200, "{")
    plan(sandbox, {"fault": "malformed", "body": "<p>Welcome to the hotel"})
    assert ask(sandbox).text == "<p>Welcome to the hotel"


def test_a_redirect_to_another_host(sandbox, device_id):
    elsewhere = "https://elsewhere.example/v1/iot/devices"
    plan(sandbox, {"fault": "redirect", "location": elsewhere})
    answer = add(sandbox, device_id)
    assert (answer.status_code, answer.headers["Location"]) == (307, elsewhere)
    sandbox.call("DELETE", "/sandbox/faults")
    assert not is_there(sandbox, device_id)


def test_an_answer_that_is_late_was_carried_out_at_once(sandbox, device_id):
    plan(sandbox, {"fault": "delay", "delay_s": LONG_S, "method": "POST", "path": "/devices"})
    with pytest.raises(httpx.ReadTimeout):
        ask(sandbox, "POST", json={"name": "A", "device_id": device_id}, timeout=0.5)
    eventually(lambda: is_there(sandbox, device_id))


def test_a_request_that_is_held_is_carried_out_after_its_client_has_gone(sandbox, device_id):
    fault = {"fault": "delay", "delay_s": LONG_S, "hold": "request", "method": "POST"}
    plan(sandbox, fault)
    with pytest.raises(httpx.ReadTimeout):
        ask(sandbox, "POST", json={"name": "A", "device_id": device_id}, timeout=0.5)
    assert not is_there(sandbox, device_id)
    # The end of the plan is the end of the wait.
    sandbox.call("DELETE", "/sandbox/faults")
    eventually(lambda: is_there(sandbox, device_id))


def test_a_delay_ends_by_itself(sandbox):
    plan(sandbox, {"fault": "delay", "delay_s": 0.2})
    start_s = time.monotonic()
    assert ask(sandbox).status_code == 200
    assert time.monotonic() - start_s >= 0.2


def test_the_paths_of_the_sandbox_are_never_faulted(sandbox):
    plan(sandbox, {"fault": "status", "status": 500})
    assert ask(sandbox).status_code == 500
    for path in ("/sandbox/faults", "/sandbox/faults/log", "/sandbox/ledger"):
        sandbox.get(path)
    assert sandbox.http.get("/sandbox/nothing").status_code == 404


def test_the_same_seed_and_requests_give_a_log_of_the_same_bytes(sandbox):
    faults = [
        {"fault": "status", "status": [500, 503], "probability": 0.3},
        {"fault": "lost", "path": "/devices/{device_id}", "probability": 0.5},
        {"fault": "redirect", "location": "https://a.example/", "after": 5, "times": 2},
    ]

    def log(seed):
        plan(sandbox, *faults, seed=seed)
        for number in range(40):
            path = "/devices" if number % 3 else f"/devices/{seed}-{time.monotonic_ns()}"
            with contextlib.suppress(httpx.RemoteProtocolError):
                ask(sandbox, path=path)
        return sandbox.http.get("/sandbox/faults/log").content

    first = log(7)
    assert log(7) == first
    assert log(8) != first
    assert json.loads(first)["http"]


def test_a_kicked_device_may_come_again_at_once(sandbox, device_id):
    login = sandbox.register(device_id)
    with connected(sandbox, login) as device:
        sandbox.post("/sandbox/faults/kick", {"device_id": device_id})
        eventually(lambda: not device.is_up)
    with connected(sandbox, login) as device:
        assert device.reason == "Success"
        device.publish(f"devices/{device_id}/telemetry", {"boot": 1, "seq": 0})


def test_a_refused_device_is_out_until_its_time_is_over(sandbox, device_id):
    login, other = sandbox.register(device_id), sandbox.register(f"{device_id}-2")
    with connected(sandbox, login) as device, connected(sandbox, other) as bystander:
        sandbox.post("/sandbox/faults/refuse", {"device_id": device_id, "for_s": LONG_S})
        eventually(lambda: not device.is_up)
        assert bystander.is_up
    with connected(sandbox, login) as device:
        assert device.reason == "Not authorized"
    # A broker that starts anew keeps it out, and so does whoever makes it active meanwhile.
    sandbox.post("/sandbox/broker/stop")
    sandbox.post("/sandbox/broker/start")
    assert reason(sandbox, login) == "Not authorized"
    for is_active in (False, True):
        sandbox.call("PATCH", f"/devices/{device_id}", {"is_active": is_active})
    with connected(sandbox, login) as device:
        assert device.reason == "Not authorized"
    sandbox.call("DELETE", "/sandbox/faults")
    eventually(lambda: reason(sandbox, login), "Success")


def reason(sandbox, login):
    try:
        with connected(sandbox, login) as device:
            return device.reason
    except OSError as exc:
        return repr(exc)


def test_a_refusal_ends_by_itself(sandbox, device_id):
    login = sandbox.register(device_id)
    sandbox.post("/sandbox/faults/refuse", {"device_id": device_id, "for_s": 0.3})
    eventually(lambda: reason(sandbox, login), "Success")


def test_a_restart_takes_the_broker_away_and_brings_it_back(sandbox, device_id):
    login = sandbox.register(device_id)
    with connected(sandbox, login) as device:
        sandbox.post("/sandbox/faults/restart", {"for_s": LONG_S})
        eventually(lambda: not device.is_up)
    assert "refused" in reason(sandbox, login)
    sandbox.call("DELETE", "/sandbox/faults")
    eventually(lambda: reason(sandbox, login), "Success")
    sandbox.post("/sandbox/faults/restart")
    eventually(lambda: reason(sandbox, login), "Success")


def test_a_plan_has_the_brokers_faults_at_their_times(sandbox, device_id):
    login = sandbox.register(device_id)
    with connected(sandbox, login) as device:
        kick = {"fault": "kick", "device_id": device_id, "at_s": 0.2}
        never = {"fault": "restart", "at_s": LONG_S}
        absent = {"fault": "refuse", "device_id": "nobody", "for_s": 1}
        plan(sandbox, mqtt=[never, kick, absent])
        eventually(lambda: not device.is_up)
    log = [
        {"fault": "refuse", "device_id": "nobody", "at_s": 0.0, "for_s": 1.0, "done": False},
        {"fault": "kick", "device_id": device_id, "at_s": 0.2, "done": True},
    ]
    eventually(lambda: sandbox.get("/sandbox/faults/log")["mqtt"], log)


def test_a_plan_without_a_device_is_for_all(sandbox, device_id):
    logins = [sandbox.register(f"{device_id}-{number}") for number in range(3)]
    with contextlib.ExitStack() as stack:
        devices = [stack.enter_context(connected(sandbox, login)) for login in logins]
        sandbox.post("/sandbox/faults/kick", {})
        eventually(lambda: not any(device.is_up for device in devices))


def test_a_fault_at_a_device_that_is_not_there_is_refused(sandbox):
    answer = sandbox.http.post("/sandbox/faults/kick", json={"device_id": "nobody"})
    assert answer.status_code == 404


def test_a_plan_from_a_file_is_in_force_from_the_first_request(tmp_path):
    file = tmp_path / "faults.json"
    file.write_text(json.dumps({"http": [{"fault": "status", "status": 503, "times": 1}]}))
    with running(tmp_path, "--faults", str(file)) as sandbox:
        assert [ask(sandbox).status_code for _ in range(2)] == [503, 200]
        # One that still holds an answer back ends in order, and the answer goes out.
        plan(sandbox, {"fault": "delay", "delay_s": LONG_S})
        script = (
            "import httpx, sys; print(httpx.get(sys.argv[1], timeout=60,"
            " headers={'X-API-Key': sys.argv[2]}).status_code)"
        )
        url = f"{sandbox.info['api_url']}/v1/iot/devices"
        client = subprocess.Popen(
            [sys.executable, "-c", script, url, sandbox.http.headers["X-API-Key"]],
            stdout=subprocess.PIPE,
        )
        eventually(lambda: sandbox.get("/sandbox/faults/log")["http"])
        assert sandbox.stop() == 0
        assert client.communicate(timeout=DEADLINE_S)[0] == b"200\n"
        assert "Traceback" not in sandbox.log_file.read_text()


def test_a_plan_that_is_wrong_is_named_before_anything_starts(tmp_path):
    file = tmp_path / "faults.json"
    file.write_text(json.dumps({"http": [{"fault": "status", "status": 200}]}))
    arguments = ["--state", str(tmp_path / "state"), "--faults", str(file)]
    done = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert f"{file}: http.0.status.status" in done.stderr
    assert not (tmp_path / "state").exists()
