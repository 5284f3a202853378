"""What the doctor says of each thing it looks at: ok, a warning or a problem, and what to do."""

import base64
import os
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from certificates import Authority
from fakeplatform import KEY, FakePlatform
from fakerepl import port as fake_port
from fakerepl import silent

from ways_device import context
from ways_device.api.client import Client
from ways_device.api.platform import Platform
from ways_device.board import Facts
from ways_device.bytecode import DeviceFile
from ways_device.deploy import Code
from ways_device.doctor import board, host, match, network
from ways_device.doctor.finding import OK, PROBLEM, WARNING, Place
from ways_device.errors import BoardError

NOW = datetime(2026, 6, 1, tzinfo=timezone.utc)
END = {"check": "end"}
PLACE = Place("host")


def said(findings):
    return [(one.check, one.verdict) for one in findings]


# One line of it.


def test_line_is_no_wider_than_a_terminal_and_cannot_steer_it():
    words = "\x1b[31mred\n" + "many words " * 20
    lines = PLACE.problem("Wi-Fi", words, f"do this with {KEY} and more and more " * 3).as_lines()
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("problem  host      Wi-Fi: red many words")
    assert any(line.strip().startswith("-> do this") for line in lines)
    assert "\x1b" not in "".join(lines)
    assert KEY not in "".join(lines)
    assert PLACE.ok("Python", "3.11").as_lines() == ["ok       host      Python: 3.11"]


def test_failure_is_told_as_fact_and_remedy():
    found = PLACE.failed("port", BoardError("it is silent; press its button; try again"))
    assert (found.detail, found.todo) == ("it is silent", "press its button; try again")
    assert PLACE.failed("port", BoardError("it is silent")).todo


# This computer.


@pytest.mark.parametrize(
    ("ahead_s", "verdict"),
    [(0, OK), (4, OK), (-4, OK), (20, WARNING), (-20, WARNING), (90, PROBLEM), (-90, PROBLEM)],
)
def test_clock_of_this_computer_is_compared_with_the_apis(ahead_s, verdict):
    date = format_datetime(NOW, usegmt=True)
    assert host.clock(date, NOW.timestamp() + ahead_s).verdict == verdict


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 99 Foo 2026 00:00:00 GMT"])
def test_api_that_tells_no_time_is_no_problem(date):
    assert host.clock(date, NOW.timestamp()).verdict == OK


def test_key_file_that_others_can_read_is_a_problem(tmp_path):
    file = tmp_path / "key"
    file.write_text(KEY)
    file.chmod(0o644)
    where = context.Place("https://api.test", file)
    key, found = host.key(where)
    assert key is None
    assert found.verdict == PROBLEM
    assert "chmod 600" in found.todo
    file.chmod(0o600)
    key, found = host.key(where)
    assert key == KEY
    assert found.verdict == OK
    assert "0600" in found.detail
    assert KEY not in str(found)


@pytest.mark.parametrize(
    ("fault", "words"),
    [((401, {}, ""), "refused the API key"), ((404, {}, ""), "no such thing"), (None, "answers")],
)
def test_api_is_asked_once_with_the_key(fault, words):
    platform = FakePlatform()
    platform.faults = [fault]
    client = Client("https://api.test", KEY, platform.transport(), lambda seconds: None)
    found, findings = host.api(client)
    assert (found is None) == (fault is not None)
    assert words in findings[0].detail
    assert findings[0].verdict == (PROBLEM if fault else OK)


def test_port_that_is_not_there_is_told(tmp_path):
    found, finding = host.port(str(tmp_path / "none"))
    assert found is None
    assert finding.verdict == PROBLEM
    assert finding.todo
    with fake_port(silent) as path:
        found, finding = host.port(path)
        assert found == os.path.realpath(path)
        assert finding.verdict == OK


# The board.

FILES = [DeviceFile("/main.py", b"main"), DeviceFile("/lib/firmware/__init__.mpy", b"M\x06")]
HASHES = {file.path: file.sha256 for file in FILES}


def facts(**changes):
    kept = {
        "platform": "esp32",
        "name": "micropython",
        "version": (1, 26, 1),
        "bytecode": 6,
        "stray": (),
        "hashes": HASHES,
    }
    return Facts(**{**kept, **changes})


def test_micropython_that_cannot_run_the_agent_is_a_problem():
    assert board.runs(facts(), "build").verdict == OK
    for changes in ({"version": (1, 24, 1)}, {"platform": "rp2"}, {"name": "circuitpython"}):
        found = board.runs(facts(**changes), "build")
        assert found.verdict == PROBLEM
        assert "ways-device flash" in found.todo


def test_files_that_are_missing_damaged_or_in_the_way_are_named():
    code = Code(FILES, [])
    assert said(board.files(facts(), code, "/dev/x")) == [("agent", OK), ("stray files", OK)]
    missing = list(board.files(facts(hashes={}), code, "/dev/x"))
    assert said(missing)[0] == ("agent", PROBLEM)
    assert "2 files are missing" in missing[0].detail
    damaged = list(board.files(facts(hashes={**HASHES, "/main.py": "0" * 64}), code, "/dev/x"))
    assert "/main.py" in damaged[0].detail
    assert damaged[0].todo == "run ways-device deploy"
    stray = list(board.files(facts(stray=("/ssl.py",)), code, "/dev/x"))
    assert stray[1].todo == "remove it: mpremote connect /dev/x rm -r :/ssl.py"
    hiding = facts(hashes={**HASHES, "/lib/firmware/__init__.py": "0" * 64})
    assert said(board.files(hiding, code, "/dev/x"))[1] == ("stray file", PROBLEM)


def der(days):
    return base64.b64encode(Authority(days=days).der).decode()


def examined(copies, **identity):
    told = {"device_id": "d1", "ca": der(900), "ssids": ["lab"], "lacks": [], **identity}
    keys = ("slot", "place", "state", "generation", "device_id")
    made = [dict(zip(keys, copy, strict=True)) for copy in copies]
    return {"identity": told if made else None, "copies": made}


BOTH = [(0, "nvs", "valid", 2, "d1"), (0, "file", "valid", 2, "d1")]
NONE = [(1, "nvs", "absent", -1, None), (1, "file", "absent", -1, None)]


def test_identity_is_judged_by_its_copies():
    assert said(board.identity(examined([*BOTH, *NONE]))) == [("identity", OK), ("CA", OK)]
    torn = [BOTH[0], (0, "file", "damaged", -1, None), *NONE]
    (found, _) = board.identity(examined(torn))
    assert found.verdict == WARNING
    assert "file 0" in found.detail
    old = [BOTH[0], (0, "file", "valid", 1, "d1"), *NONE]
    assert said(board.identity(examined(old)))[0] == ("identity", WARNING)
    spare = [*BOTH, (1, "nvs", "valid", 1, "d0"), (1, "file", "valid", 1, "d0")]
    (found, _) = board.identity(examined(spare))
    assert (found.verdict, "spare: d0" in found.detail) == (OK, True)
    lacking = list(board.identity(examined([*BOTH, *NONE], lacks=["password"])))
    assert (lacking[0].verdict, lacking[0].detail) == (PROBLEM, "d1 lacks password")
    assert said(board.identity(examined([]))) == [("identity", PROBLEM)]


@pytest.mark.parametrize(
    ("days", "verdict"), [(-2, PROBLEM), (30, WARNING), (100, OK)], ids=["over", "soon", "long"]
)
def test_authority_is_judged_by_how_long_it_lasts(days, verdict):
    now = datetime.now(timezone.utc)
    # The root in these tests ends so many days from now.
    assert board.authority(der(days), now).verdict == verdict
    assert board.authority("bm9uZQ==", now).verdict == PROBLEM


def test_readings_that_were_dropped_and_a_watchdog_are_warnings():
    kept = {"segments": 1, "unsent_bytes": 5000, "dropped_total": 0}
    assert board.stored({"stored": kept}).detail.startswith("5 kB wait")
    assert board.stored({"stored": {**kept, "dropped_total": 3}}).verdict == WARNING
    assert board.cause("WDT_RESET").verdict == WARNING
    assert board.cause("PWRON_RESET").verdict == OK
    assert board.flash({"free_bytes": 9000, "flash_bytes": 2_000_000}).verdict == WARNING


# Its way to the broker.

JOINED = {"check": "wifi", "ssid": "lab", "why": None, "rssi_dbm": -60}
TOLD = {"check": "sntp", "host": "time.test", "why": None, "epoch_s": 1}


def test_way_that_works_has_no_finding_but_ok():
    answers = [
        JOINED,
        {"check": "dns", "name": "b.test", "why": None, "address": "1.2.3.4", "server": "1.1.1.1"},
        TOLD,
        {"check": "tls", "why": None, "certificate": der(900)},
        {"check": "login", "why": None, "code": 0, "resumed": True},
        {"check": "topics", "why": None, "granted": {"a": 0, "b": 1}},
        {"check": "echo", "why": None, "came_back": True},
        END,
    ]
    found = network.judged(answers, 0)
    assert {one.verdict for one in found} == {OK}
    checks = ["Wi-Fi", "DNS", "time", "TLS", "login", "topics", "publish"]
    assert [one.check for one in found] == checks


@pytest.mark.parametrize(
    ("answer", "check", "verdict", "words"),
    [
        ({**JOINED, "rssi_dbm": -85}, "Wi-Fi", WARNING, "weak"),
        ({"check": "wifi", "ssid": "x", "why": "timeout"}, "Wi-Fi", PROBLEM, "cannot join"),
        ({"check": "tcp", "why": "tcp:ETIMEDOUT"}, "TLS", PROBLEM, "tcp:ETIMEDOUT"),
        ({"check": "tls", "why": "tls:expired"}, "TLS", PROBLEM, "has expired"),
        ({"check": "tls", "why": "tls:name"}, "TLS", PROBLEM, "another name"),
        ({"check": "tls", "why": None, "certificate": der(3)}, "TLS", WARNING, "valid until"),
        ({"check": "tls", "why": None, "certificate": None}, "TLS", OK, "verified"),
        ({"check": "login", "why": None, "code": 5}, "login", PROBLEM, "code 5"),
        ({"check": "login", "why": "closed"}, "login", PROBLEM, "closed"),
        (
            {"check": "topics", "why": None, "granted": {"a": 128, "b": 0}},
            "topics",
            WARNING,
            "refuses to subscribe to a",
        ),
        ({"check": "echo", "why": None, "came_back": False}, "publish", WARNING, "dropped"),
        ({"check": "echo", "why": "closed"}, "publish", PROBLEM, "does not take"),
    ],
)
def test_each_trouble_on_the_way_is_named(answer, check, verdict, words):
    (found,) = network.judged([answer, END], 0)
    assert (found.check, found.verdict) == (check, verdict)
    assert words in found.detail
    assert verdict == OK or found.todo


def test_network_that_lets_us_in_makes_the_others_warnings():
    other = {"check": "wifi", "ssid": "old", "why": "no_ap_found"}
    assert said(network.judged([other, JOINED, END], 0)) == [("Wi-Fi", WARNING), ("Wi-Fi", OK)]
    assert said(network.judged([other, END], 0)) == [("Wi-Fi", PROBLEM)]


def test_missing_time_is_a_problem_only_if_the_clock_is_wrong():
    mute = {"check": "sntp", "host": "a", "why": "no answer"}
    assert said(network.judged([mute, END], 10)) == [("time", WARNING)]
    assert said(network.judged([mute, END], -9e8)) == [("time", PROBLEM)]
    (found,) = network.judged([mute, TOLD, END], 0)
    assert (found.verdict, "silent: a" in found.detail) == (OK, True)


def test_board_that_stopped_in_the_middle_is_told():
    assert said(network.judged([JOINED], 0))[-1] == ("board", PROBLEM)


def test_board_is_asked_with_the_agents_own_defaults():
    from pathlib import Path

    table = (Path(host.__file__).parents[3] / "firmware" / "config.py").read_text()
    args = network.arguments({"mqtt_host": "h"}, "d1")
    assert repr(args["ntp_hosts"]).replace("'", '"') in table
    assert f'("mqtt_port", int, 1, 65535, {args["port"]})' in table
    assert args["topics"][0] == args["echo"] == "devices/d1/events"


# The platform's side.


def matched(device, interval_s=60, profiles=()):
    platform = FakePlatform()
    platform.profiles = list(profiles)
    if device is not None:
        platform.devices["d1"] = {"device_id": "d1", "name": "One", **device}
    client = Client("https://api.test", KEY, platform.transport(), lambda seconds: None)
    config = f'{{"interval_s": {interval_s}}}'
    return list(match.match(Platform(client), "d1", config))


def profile(profile_id, interval_s, topics=("devices/+/telemetry",)):
    return {
        "id": profile_id,
        "name": f"Profile {profile_id}",
        "reporting_interval_seconds": interval_s,
        "expected_topics": list(topics),
    }


def test_device_and_profile_are_matched():
    assert said(matched(None)) == [("device", PROBLEM)]
    assert said(matched({"is_active": False}))[0] == ("device", PROBLEM)
    assert said(matched({})) == [("device", OK), ("profile", OK)]
    some = [profile("p1", 60), profile("p2", 5)]
    assert said(matched({}, 60, some))[1] == ("profile", OK)
    assert said(matched({}, 7, some))[1] == ("profile", PROBLEM)
    noted = {"metadata": {"profile": "p2"}}
    found = matched(noted, 60, some)[1]
    assert found.verdict == PROBLEM
    assert "every 60 s, the profile expects 5 s" in found.detail
    assert said(matched(noted, 5, some))[1] == ("profile", OK)
    others = [profile("p1", 60, ["devices/+/sensors/x"])]
    assert said(matched({}, 60, others))[1] == ("profile", PROBLEM)
    assert said(matched({"metadata": {"profile": "gone"}}, 60, some))[1] == ("profile", OK)


def test_life_of_a_certificate_in_these_tests_counts_from_now():
    end = board.certificate(der(30)).not_valid_after_utc
    assert abs(end - datetime.now(timezone.utc) - timedelta(days=30)) < timedelta(minutes=5)
