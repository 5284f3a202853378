"""The plan of faults: what it takes, what it refuses by name, and what it decides from a seed."""

import asyncio
import contextlib
import json

import pytest
from pydantic import ValidationError

from ways_device.errors import ToolError
from ways_device.sandbox.api_errors import AbsentError
from ways_device.sandbox.broker_faults import BrokerFaults
from ways_device.sandbox.fault_plan import Plan, call_of, load
from ways_device.sandbox.faults import Faults

HIT = {"fault": "lost"}


def faults_of(*http, seed=1):
    faults = Faults()
    faults.put(Plan.model_validate({"seed": seed, "http": list(http)}))
    return faults


def hits(faults, *requests):
    """Return which of the requests are hit, as 'METHOD path'."""
    asked = [request.split() for request in requests]
    return [bool(faults.hit(method, f"/v1/iot{path}")) for method, path in asked]


def test_a_fault_is_for_the_requests_that_it_matches():
    faults = faults_of({**HIT, "method": "POST", "path": "/devices"})
    requests = ("POST /devices", "POST /devices/", "GET /devices", "POST /devices/a/tags")
    assert hits(faults, *requests) == [True, True, False, False]


def test_a_pattern_stands_for_its_own_call_only():
    faults = faults_of({**HIT, "path": "/v1/iot/alarms/{alarm_id}"})
    requests = ("GET /alarms/1", "GET /alarms/summary", "GET /alarms/1/timeline")
    assert hits(faults, *requests) == [True, False, False]
    assert hits(faults_of({**HIT, "path": "/devices/a"}), "GET /devices/a", "GET /devices/b") == [
        True,
        False,
    ]


def test_it_happens_after_so_many_requests_and_so_many_times():
    faults = faults_of({**HIT, "after": 2, "times": 3})
    assert hits(faults, *["GET /devices"] * 7) == [False] * 2 + [True] * 3 + [False] * 2
    assert faults.shown()["counts"] == [{"matched": 7, "happened": 3}]


def test_of_two_faults_the_first_happens_and_both_count():
    faults = faults_of({**HIT, "times": 1}, {"fault": "malformed", "times": 1})
    found = [faults.hit("GET", "/v1/iot/devices") for _ in range(3)]
    assert [hit and hit.fault.fault for hit in found] == ["lost", "malformed", None]
    counts = [(count["matched"], count["happened"]) for count in faults.shown()["counts"]]
    assert counts == [(3, 1), (3, 1)]


def test_the_seed_decides_and_nothing_else():
    fault = {"fault": "status", "status": [500, 503], "probability": 0.5}

    def log(seed, other=()):
        faults = faults_of(fault, *other, seed=seed)
        hits(faults, *["GET /devices"] * 50)
        return json.dumps(faults.log())

    assert log(1) == log(1) != log(2)
    # Another fault in the plan changes nothing for the one before it.
    assert log(1) == log(1, [{"fault": "lost", "path": "/usage"}])
    assert 10 < len(json.loads(log(1))["http"]) < 40


def test_the_log_is_bounded_and_says_so(monkeypatch):
    monkeypatch.setattr("ways_device.sandbox.faults._LOG_MAX", 5)
    faults = faults_of(HIT)
    hits(faults, *["GET /devices"] * 9)
    assert (len(faults.log()["http"]), faults.log()["left_off"]) == (5, 4)


def test_the_log_has_the_call_and_not_the_id():
    faults = faults_of(HIT)
    hits(faults, "GET /devices/8d1c", "GET /nothing")
    paths = [entry["path"] for entry in faults.log()["http"]]
    assert paths == ["/devices/{device_id}", "(not of the reference)"]
    assert call_of("GET", "/alarms/summary") == "/alarms/summary"


@pytest.mark.parametrize(
    ("plan", "named"),
    [
        ({"sed": 1}, "sed: Extra inputs"),
        ({"seed": -1}, "seed: "),
        ({"seed": True}, "seed: "),
        ({"http": {}}, "http: "),
        ({"http": [{}]}, "http.0: "),
        ({"http": [{"fault": "burn"}]}, "http.0: "),
        ({"http": [HIT, {"fault": "status"}]}, "http.1.status.status: Field required"),
        ({"http": [{"fault": "status", "status": 200}]}, "http.0.status.status"),
        ({"http": [{"fault": "status", "status": []}]}, "http.0.status.status"),
        (
            {"http": [{"fault": "status", "status": 500, "retry_after": "1\r\nX: y"}]},
            "retry_after",
        ),
        ({"http": [{**HIT, "path": "/nothing"}]}, "the reference has no call  /nothing"),
        ({"http": [{**HIT, "method": "PUT", "path": "/devices"}]}, "no call PUT /devices"),
        ({"http": [{**HIT, "path": "/sandbox/ledger"}]}, "no call"),
        ({"http": [{**HIT, "probability": 1.5}]}, "http.0.lost.probability"),
        ({"http": [{**HIT, "times": 0}]}, "http.0.lost.times"),
        ({"http": [{"fault": "delay", "delay_s": 1e9}]}, "http.0.delay.delay_s"),
        ({"http": [{"fault": "cut", "at_byte": 1.5}]}, "http.0.cut.at_byte"),
        ({"http": [{"fault": "redirect", "location": "a\nb"}]}, "http.0.redirect.location"),
        ({"http": [HIT] * 201}, "http: "),
        ({"mqtt": [{"fault": "refuse"}]}, "mqtt.0.refuse.for_s: Field required"),
        ({"mqtt": [{"fault": "kick", "device_id": "a/b"}]}, "mqtt.0.kick.device_id"),
        ([], "the plan: "),
    ],
)
def test_what_is_wrong_with_a_plan_is_named(tmp_path, plan, named):
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(plan))
    with pytest.raises(ToolError) as caught:
        load(file)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[" * 100_000, b" " * 2_000_000])
def test_a_file_that_is_no_plan_is_named(tmp_path, text):
    file = tmp_path / "plan.json"
    file.write_bytes(text)
    with pytest.raises(ToolError, match=r"plan\.json: "):
        load(file)


def test_a_plan_is_shown_as_it_was_given():
    plan = {"seed": 1, "http": [{**HIT, "times": 2}], "mqtt": [{"fault": "restart", "for_s": 1.0}]}
    assert Plan.model_validate(plan).shown() == plan
    with pytest.raises(ValidationError):
        Plan.model_validate(
            {**plan, "http": [{"fault": "status", "status": 500, "body": float("inf")}]}
        )


class Broker:
    """Stands for the devices and the access to the broker; acts is what was done."""

    def __init__(self, *device_ids):
        self.device_ids = device_ids
        self.acts = []

    def logins(self):
        return [type("Login", (), {"device_id": device_id}) for device_id in self.device_ids]

    def __getattr__(self, name):
        async def act(*arguments):
            if arguments and arguments[0] not in self.device_ids:
                raise AbsentError("not found")
            self.acts.append(" ".join((name, *arguments)))

        return act


class Play:
    """A plan of the broker's faults on a clock that is set."""

    def __init__(self, loop, *mqtt):
        self.loop = loop
        self.now_s = 100.0
        self.broker = Broker("a", "b")
        self.faults = Faults()
        self.playing = BrokerFaults(self.faults, self.broker, self.broker, lambda: self.now_s)
        self.put(*mqtt)

    def put(self, *mqtt):
        self.faults.put(Plan.model_validate({"mqtt": list(mqtt)}))

    def at(self, seconds):
        """Return what has been done by so many seconds from the start."""
        self.now_s = 100.0 + seconds

        async def run():
            task = asyncio.create_task(self.playing.run())
            for _ in range(50):
                await asyncio.sleep(0)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

        self.loop.run_until_complete(run())
        acts, self.broker.acts = self.broker.acts, []
        return acts


@pytest.fixture
def loop():
    with contextlib.closing(asyncio.new_event_loop()) as loop:
        yield loop


def test_faults_of_the_broker_begin_and_end_at_their_times(loop):
    play = Play(
        loop,
        {"fault": "refuse", "device_id": "a", "at_s": 10, "for_s": 20},
        {"fault": "restart", "at_s": 15, "for_s": 2},
        {"fault": "kick", "at_s": 5},
    )
    assert play.at(4.9) == []
    assert play.at(5) == ["kick a", "kick b"]
    assert play.at(10) == ["refuse a"]
    assert play.at(16.9) == ["stop_broker"]
    assert play.at(19) == ["start_broker"]
    assert play.at(30) == ["admit a"]
    assert play.at(1000) == []
    assert [entry["fault"] for entry in play.faults.log()["mqtt"]] == ["kick", "refuse", "restart"]


def test_the_longer_of_two_refusals_counts(loop):
    play = Play(
        loop,
        {"fault": "refuse", "device_id": "a", "for_s": 50},
        {"fault": "refuse", "device_id": "a", "for_s": 10, "at_s": 1},
    )
    assert play.at(0) == ["refuse a"]
    assert play.at(1) == ["refuse a"]
    assert play.at(49) == []
    assert play.at(50) == ["admit a"]


def test_the_end_of_a_plan_ends_what_it_did(loop):
    refuse = {"fault": "refuse", "device_id": "a", "for_s": 500}
    play = Play(loop, refuse, {"fault": "restart", "for_s": 500}, {"fault": "kick", "at_s": 3})
    assert play.at(1) == ["refuse a", "stop_broker"]
    play.put()
    assert play.at(1) == ["admit a", "start_broker"]
    assert play.at(1000) == []


def test_a_fault_at_a_device_that_is_not_there_is_logged_as_not_done(loop):
    play = Play(loop, {"fault": "kick", "device_id": "z"}, {"fault": "kick", "device_id": "a"})
    assert play.at(0) == ["kick a"]
    assert [entry["done"] for entry in play.faults.log()["mqtt"]] == [False, True]
