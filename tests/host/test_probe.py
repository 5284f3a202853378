"""The probe on a platform whose manners are chosen: it finds each, and never leaves anything."""

import contextlib
import json
import os
from dataclasses import replace

import pytest
from probe_world import AT_ONCE, KEY, ORIGIN, PASSWORD, World

from ways_device import cli
from ways_device.api.answers import Answer
from ways_device.errors import ToolError
from ways_device.journal import Journal
from ways_device.probe import clean, command, report
from ways_device.probe.made import Made
from ways_device.probe.questions import QUESTIONS
from ways_device.talk import Talk


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WAYS_DEVICE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("WAYSCLOUD_API_KEY", raising=False)
    monkeypatch.setattr("ways_device.probe.finding._STEP_S", 0.005)
    return tmp_path / "home"


def probed(world):
    """Return the answers by question, and the whole report."""
    found = command.probe(world.tools(), Talk())
    return {one["key"]: one["answer"] for one in found["findings"]}, found


def left():
    return Made(command.folder(), ORIGIN).things


MANNERS = [
    ("register", {}, {"login": "flat", "login_fields": ["mqtt_password", "mqtt_username"]}),
    ("register", {"login": "nested"}, {"login": "nested"}),
    ("register", {"login": "none"}, {"login": "", "login_fields": []}),
    ("register", {"repeat": "other id"}, {"id_is_the_one_asked_for": False}),
    ("repeat", {}, {"status": 409, "gives_new_login": False}),
    ("repeat", {"repeat": "new login"}, {"status": 200, "gives_new_login": True}),
    ("tags", {}, {"array": True, "object": True}),
    ("tags", {"tags": ("array",)}, {"array": True, "object": False}),
    ("tags", {"tags": ("object",)}, {"array": False, "object": True}),
    ("paging", {}, {"page_and_page_size": True, "limit_and_offset": True}),
    ("paging", {"paging": ("page",)}, {"page_and_page_size": True, "limit_and_offset": False}),
    ("paging", {"paging": ()}, {"page_and_page_size": False, "limit_and_offset": False}),
    ("errors", {}, {"401": {"status": 401, "form": "detail"}, "429": "not met"}),
    ("errors", {"errors": "error"}, {"404": {"status": 404, "form": "error"}}),
    ("errors", {"errors": "x"}, {"422": {"status": 422, "form": "object with account, oops"}}),
    ("broker", {}, {"form": "reference"}),
    ("broker", {"broker": {"broker": "127.0.0.1", "ports": {"mqtts": 1}}}, {"form": "older"}),
    ("broker", {"broker": {"host": "127.0.0.1", "tls_port": 1}}, {"form": "another"}),
    ("subscriptions", {}, {"own_all": "granted QoS 1", "foreign": "refused"}),
    (
        "rows",
        {},
        {"telemetry": True, "sensors_object": True, "telemetry_without_datapoint": False},
    ),
    ("rows", {"rows": ("telemetry",)}, {"telemetry": True, "sensors_object": False}),
    ("rows", {"rows": ("sensors",)}, {"telemetry": False, "sensors_bare": True}),
    ("rows", {"makes_datapoints": True}, {"makes_datapoints_of_unknown_keys": True}),
    ("measured_at", {}, {"measured_at": "the reading's timestamp"}),
    ("measured_at", {"keeps_timestamp": False}, {"measured_at": "the arrival"}),
    ("unknown_keys", {}, {"reading_kept": True, "makes_datapoints_of_them": False}),
    ("unknown_keys", {"unknown_keys_harm": True}, {"reading_kept": False}),
    ("unknown_keys", {"makes_datapoints": True}, {"makes_datapoints_of_them": True}),
    ("presence", {}, {"session_makes_online": True, "status_flips": False}),
    ("presence", {}, {"silent_end_is_seen": True, "keepalive_s": 1}),
    ("presence", {"online_by": "status"}, {"session_makes_online": False, "status_flips": True}),
    ("presence", {"sees_silence": False}, {"silent_end_is_seen": False, "offline_after_s": None}),
    ("rule_config", {}, {"effect": "merged"}),
    ("rule_config", {"merges": False}, {"effect": "replaced"}),
    ("inactive", {}, {"session_ends": True, "next_login": "refused (Not authorized)"}),
    ("inactive", {"inactive_ends": False}, {"session_ends": False}),
    ("deletion", {}, {"get_afterwards": 404, "id_again": 200, "rows_kept": False}),
]


@pytest.mark.parametrize(("question", "manners", "wanted"), MANNERS)
def test_each_manner_is_found_and_nothing_is_left(question, manners, wanted):
    world = World(**manners)
    before = world.account()
    answers, _ = probed(world)
    assert answers[question] is not None
    assert {key: answers[question][key] for key in wanted} == wanted
    assert world.account() == before
    assert left() == []


def test_what_cannot_be_answered_says_why():
    answers, found = probed(World(login="none"))
    said = {one["key"]: one["said"] for one in found["findings"]}
    assert answers["rows"] is None
    assert said["rows"] == "not answered: the platform did not tell its login"
    assert answers["presence"] is None
    _, found = probed(World(online_by="nothing"))
    said = {one["key"]: one["said"] for one in found["findings"]}
    assert said["presence"] == (
        "not answered: neither a session nor a status message made it online"
    )


def test_dialect_leaves_out_what_it_has_no_word_for():
    world = World(login="none", errors="x", broker={"host": "127.0.0.1", "tls_port": 1})
    _, found = probed(world)
    assert found["dialect"] == {}
    assert found["dialect_gaps"] == ["broker", "credentials", "errors"]
    assert "It has no word for what was found of: broker, credentials, errors" in report.text(
        found
    )


def test_report_has_no_secret_and_nothing_of_the_owner():
    for manners in ({}, {"login": "nested", "repeat": "new login"}, {"errors": "x"}):
        _, found = probed(World(**manners))
        text = json.dumps(found) + report.text(found)
        for secret in (PASSWORD, KEY, "canary"):
            assert secret not in text
        assert '"***"' in json.dumps(found)


def test_text_of_the_report_is_good_at_80_columns():
    _, found = probed(World())
    assert max(len(line) for line in report.text(found).splitlines()) < 80
    found["findings"][0]["said"] = "long " * 100 + "\x1b[31m"
    text = report.text(found)
    assert max(len(line) for line in text.splitlines()) < 80
    assert "\x1b" not in text


class DiedError(BaseException):
    """The process is gone: nothing of it runs any more."""


def dying_at(world, moment_number):
    """Let the world's requests end the process at this moment and ever after."""
    moments = iter(range(1_000_000))

    def around(_moment):
        if next(moments) >= moment_number:
            raise DiedError

    world.around = around


def moments_of_a_run():
    world = World()
    probed(world)
    return 2 * len(world.requests)


def test_killed_at_any_request_the_next_run_leaves_nothing(monkeypatch):
    reached = 0
    for moment in range(0, moments_of_a_run(), 3):
        world = World()
        before = world.account()
        dying_at(world, moment)
        with contextlib.suppress(DiedError):
            command.probe(world.tools(), Talk())
            break  # this one asked less often, and there is nothing left to break off
        reached += 1
        world.around = lambda _moment: None
        names = {thing.name for thing in left()}
        for found in (world.devices.values(), world.rules.values()):
            assert {one["name"] for one in found} - {"canary of the owner", "canary rule"} <= names
        with monkeypatch.context() as patch:
            patch.setattr("ways_device.probe.command.QUESTIONS", ())
            command.probe(world.tools(), Talk())
        assert world.account() == before, moment
        assert left() == []
    assert reached > 30


def test_what_is_left_is_deleted_before_anything_is_made():
    world = World(device_limit=3)
    dying_at(world, 50)
    with pytest.raises(DiedError):
        command.probe(world.tools(), Talk())
    world.around = lambda _moment: None
    assert len(world.devices) == 3
    world.requests.clear()
    # The plan has no room for two more while the old ones are there.
    command.probe(world.tools(), Talk())
    methods = [method for method, _ in world.requests]
    assert methods.index("DELETE") < methods.index("POST")
    assert len(world.devices) == 1


def test_ctrl_c_at_any_request_leaves_nothing_at_once():
    reached = 0
    for moment in range(0, moments_of_a_run(), 7):
        world = World()
        before = world.account()
        moments = iter(range(1_000_000))

        def around(_moment, moments=moments, at=moment):
            if next(moments) == at:
                raise KeyboardInterrupt

        world.around = around
        with contextlib.suppress(KeyboardInterrupt):
            command.probe(world.tools(), Talk())
            break  # this one asked less often, and there is nothing left to break off
        reached += 1
        # Where it came while things were being deleted, the next run deletes the rest.
        if left():
            command.probe(world.tools(), Talk())
        assert world.account() == before, moment
        assert left() == []
    assert reached > 12


def test_what_cannot_be_deleted_is_told_and_kept_on_the_list():
    world = World()
    before = world.account()
    real = world._rules

    def stubborn(method, rest, body, params):
        return (503, {}) if method == "DELETE" else real(method, rest, body, params)

    world._rules = stubborn
    with pytest.raises(ToolError, match=r"could not delete rule ways_probe_.*the same command"):
        command.probe(world.tools(), Talk())
    assert [thing.kind for thing in left()] == ["rule"]
    world._rules = real
    command.probe(world.tools(), Talk())
    assert world.account() == before


def test_a_login_that_works_a_moment_later_is_waited_for():
    patient = replace(AT_ONCE, flip_s=0.5, retry_s=0.001)
    found = command.probe(World(late_logins=2).tools(patient), Talk())
    answers = {one["key"]: one["answer"] for one in found["findings"]}
    assert answers["subscriptions"]["own_all"] == "granted QoS 1"
    answers, _ = probed(World(late_logins=1))
    assert answers["subscriptions"] is None


def test_a_question_that_fails_does_not_stop_the_others():
    world = World()
    world._tags = lambda *_: (500, {"detail": "fault"})
    answers, _ = probed(world)
    assert answers["tags"] == {"array": False, "object": False}
    assert answers["deletion"] is not None


ODD = [None, 7, [], [[]], ["x"], {}, {"error": []}, {"devices": {}}, {"device": []}, {"tags": 1}]
ODD += [{"config": []}, {"id": {}}, {"broker": {"host": 5}}, {"device_id": "../../x\x1b[2J"}]
ODD += [{"mqtt_password": 1}, {"mqtt_password": "odd-canary", "device_id": "x"}, "\x1b[31mred"]


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_odd_answers_are_findings_too(odd):
    """Whatever JSON comes, nothing but a question goes without its answer."""
    world = World()
    handle = world._devices

    def strange(method, rest, body, params):
        if method == "DELETE" or (method == "GET" and not rest):
            return handle(method, rest, body, params)
        return 200, odd

    def strange_when_made(real):
        # What cannot be looked up cannot be called deleted: lists are as they should be.
        return lambda method, *its: (real(method, *its), (200, odd))[method in ("POST", "PUT")]

    world._devices, world._credentials = strange, lambda *_: (200, odd)
    world._rules = strange_when_made(world._rules)
    world._datapoints = strange_when_made(world._datapoints)
    found = command.probe(world.tools(), Talk())
    assert len(found["findings"]) == 15
    text = report.text(found) + json.dumps(found)
    assert "\x1b" not in text
    assert "odd-canary" not in text


def test_a_question_past_its_time_asks_no_more(monkeypatch):
    late = tuple(replace(question, within_s=-1) for question in QUESTIONS)
    monkeypatch.setattr("ways_device.probe.command.QUESTIONS", late)
    world = World()
    answers, found = probed(world)
    assert set(answers.values()) == {None}
    assert found["findings"][0]["said"] == "not answered: no answer within -1 s"
    assert ("POST", "devices") not in world.requests


def test_a_short_password_is_left_out_too():
    answer = Answer(200, json.dumps({"description": "pw: abc", "tags": ["xabcx"], "abc": "abc"}))
    found = clean.body(answer, ("abc",), "run")
    assert found == {"description": "pw: ***", "tags": ["x***x"], "***": "<str>"}


def test_plan_without_room_is_told_before_anything_is_made():
    world = World(device_limit=2)
    with pytest.raises(ToolError, match="the plan allows 2 devices and has 1"):
        command.probe(world.tools(), Talk())
    assert {method for method, _ in world.requests} == {"GET"}


def test_two_probes_of_one_account_keep_apart(home):
    world = World()
    with (
        Journal(home / "journal").lock(ORIGIN, "ways-probe"),
        pytest.raises(ToolError, match="another ways-device is at work"),
    ):
        command.probe(world.tools(), Talk())
    assert world.requests == []


def test_list_of_things_is_private(home):
    world = World()
    dying_at(world, 30)
    with pytest.raises(DiedError):
        command.probe(world.tools(), Talk())
    (path,) = (home / "probe").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert (home / "probe").stat().st_mode & 0o777 == 0o700
    assert PASSWORD not in path.read_text()


def test_list_that_is_unreadable_is_told(home):
    Made(command.folder(), ORIGIN).intend("device", "ways-probe-x")
    (path,) = (home / "probe").iterdir()
    path.write_text("{")
    with pytest.raises(ToolError, match="it names what an earlier probe made"):
        command.probe(World().tools(), Talk())


# The command.


def test_without_a_terminal_and_without_yes_nothing_is_asked(capsys, tmp_path):
    arguments = ["probe", "--api-url", ORIGIN, "--out", str(tmp_path / "r.json")]
    assert cli.run(arguments) == 2
    err = capsys.readouterr().err
    assert "makes two devices" in err
    assert "give --yes" in err
    assert os.listdir(tmp_path) == []


def test_dry_run_lists_the_questions_and_asks_nothing(capsys):
    assert cli.run(["probe", "--api-url", ORIGIN, "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "what makes a device online or offline" in out
    assert cli.run(["probe", "--api-url", ORIGIN, "--dry-run", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 15


def test_report_that_could_not_be_written_is_told_first(capsys):
    assert cli.run(["probe", "--api-url", ORIGIN, "--out", "/nowhere/r.json", "--yes"]) == 1
    assert "its folder does not exist" in capsys.readouterr().err


def test_missing_client_says_what_to_install(capsys, tmp_path, monkeypatch):
    key = tmp_path / "key"
    key.write_text(KEY)
    key.chmod(0o600)
    monkeypatch.setitem(__import__("sys").modules, "paho.mqtt.client", None)
    monkeypatch.delitem(__import__("sys").modules, "ways_device.probe.mqtt", raising=False)
    arguments = ["probe", "--api-url", ORIGIN, "--api-key-file", str(key), "--yes"]
    assert cli.run([*arguments, "--out", str(tmp_path / "r.json")]) == 1
    assert "pip install 'ways-device[sandbox]'" in capsys.readouterr().err
