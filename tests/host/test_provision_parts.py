"""What a request, settings, profiles and log lines mean: the parts that need no board."""

import json

import pytest
from fakeplatform import KEY, FakePlatform

from ways_device.api.client import Client
from ways_device.api.credentials import Broker
from ways_device.api.platform import Datapoint, Platform
from ways_device.devicelog import parse
from ways_device.errors import ConflictError, NotFoundError, UsageError
from ways_device.provision import account, settings
from ways_device.provision.causes import Faults, cause_of
from ways_device.provision.request import Request
from ways_device.provision.request import settings as read_settings

BROKER = Broker("broker.test", 8883)


def platform(fake):
    return Platform(Client("https://api.test", KEY, fake.transport(), lambda seconds: None))


# Requests.


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": "ab"}, "--name"),
        ({"name": "x" * 101}, "--name"),
        ({"name": "a\x1b[31mb"}, "--name"),
        ({"device_id": "a/b"}, "--device-id"),
        ({"profile": "p", "interval_s": 5}, "--profile and --interval"),
        ({"interval_s": 0}, "--interval"),
        ({"interval_s": 86401}, "--interval"),
        ({"log_level": "X"}, "--log-level"),
    ],
)
def test_request_that_cannot_be_is_refused_by_the_option(options, said):
    with pytest.raises(UsageError, match=said):
        Request(**{"name": "Device", **options})


def test_settings_are_json_or_text():
    texts = ["window=8", 'ntp_hosts=["a:1"]', "mqtt_host=h", "battery_chemistry=li-ion"]
    assert read_settings(texts) == {
        "window": 8,
        "ntp_hosts": ["a:1"],
        "mqtt_host": "h",
        "battery_chemistry": "li-ion",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("window", "key=value"),
        ("=1", "key=value"),
        ("interval_s=5", "use --interval"),
        ("sensors=[]", "use --sensor"),
        ("log_level=D", "use --log-level"),
        ("rev=1", "counts by itself"),
    ],
)
def test_setting_with_an_option_of_its_own_is_refused(text, said):
    with pytest.raises(UsageError, match=said):
        read_settings([text])


# Settings of the board.


def test_topics_are_the_profiles_own_where_a_device_can_serve_them():
    assert settings.topics_of(
        ["devices/+/sensors/temperature", "devices/+/telemetry", "site/x", "devices/+/status"]
    ) == ["devices/+/sensors/temperature", "devices/+/telemetry"]
    assert settings.topics_of([]) == ["devices/+/telemetry"]
    assert settings.topics_of(["#", "site/+/x"]) == ["devices/+/telemetry"]


def test_set_goes_over_what_the_platform_says():
    request = Request("Device", settings={"mqtt_host": "other", "window": 3}, log_level="D")
    decided = settings.decide(request, BROKER, 5, [])
    assert decided["mqtt_host"] == "other"
    assert decided["window"] == 3
    assert decided["mqtt_port"] == 8883
    assert decided["interval_s"] == 5
    assert decided["log_level"] == "D"
    assert settings.broker_of(request, BROKER) == Broker("other", 8883)


def test_revision_counts_only_changes():
    first = settings.merge(None, {"a": 1})
    assert first == {"rev": 1, "a": 1}
    text = settings.as_bytes(first).decode()
    assert settings.merge(text, {"a": 1}) == first
    assert settings.merge(text, {"a": 2}) == {"rev": 2, "a": 2}


def test_settings_of_the_same_device_are_kept_and_damaged_ones_are_not():
    assert settings.merge('{"rev": 4, "ntp_hosts": ["x"]}', {"a": 1}) == {
        "rev": 5,
        "ntp_hosts": ["x"],
        "a": 1,
    }
    for text in ("", "{", "[]", "null", "\x00"):
        assert settings.merge(text, {"a": 1}) == {"rev": 1, "a": 1}


# Profiles and datapoints.


def profile(name, interval_s, topics=()):
    return {
        "id": f"id-{name}",
        "name": name,
        "reporting_interval_seconds": interval_s,
        "expected_topics": list(topics),
    }


def test_profile_is_found_by_name_or_id():
    fake = FakePlatform()
    fake.profiles = [profile("fast", 5, ["devices/+/sensors/t"]), profile("slow", 600)]
    for wanted in ("fast", "id-fast"):
        choice = account.choose_profile(platform(fake), Request("Device", profile=wanted))
        assert (choice.profile.id, choice.interval_s) == ("id-fast", 5)
        assert choice.profile.topics == ("devices/+/sensors/t",)


def test_profile_that_does_not_exist_is_an_error_that_lists_what_does():
    fake = FakePlatform()
    fake.profiles = [profile("fast", 5)]
    with pytest.raises(NotFoundError, match="there are: fast"):
        account.choose_profile(platform(fake), Request("Device", profile="none"))


def test_profile_name_that_is_not_unique_asks_for_an_id():
    fake = FakePlatform()
    fake.profiles = [{**profile("a", 5), "id": "1"}, {**profile("a", 6), "id": "2"}]
    with pytest.raises(UsageError, match="give an id: 1, 2"):
        account.choose_profile(platform(fake), Request("Device", profile="a"))


def test_interval_uses_a_fitting_profile_before_it_makes_one():
    fake = FakePlatform()
    fake.profiles = [
        profile("valves", 5, ["devices/+/valve"]),
        profile("theirs", 5, ["devices/+/telemetry"]),
        profile("slow", 600),
    ]
    request = Request("Device", interval_s=5)
    assert account.choose_profile(platform(fake), request).profile.id == "id-theirs"
    request = Request("Device", interval_s=7)
    choice = account.choose_profile(platform(fake), request)
    made = account.ensure_profile(platform(fake), choice)
    assert fake.profiles[-1]["reporting_interval_seconds"] == 7
    assert fake.profiles[-1]["expected_topics"] == ["devices/+/telemetry"]
    # The next device of this interval shares it.
    assert account.choose_profile(platform(fake), request).profile.id == made.id
    assert fake.count("POST", "/v1/iot/profiles") == 1


def test_only_missing_datapoints_are_made_and_types_must_agree():
    fake = FakePlatform()
    fake.datapoints = [{"name": "a", "data_type": "number"}, {"name": "b", "data_type": "string"}]
    missing = account.missing_datapoints(
        platform(fake), [Datapoint("a", "", "number"), Datapoint("c", "", "boolean")]
    )
    assert [point.key for point in missing] == ["c"]
    with pytest.raises(ConflictError, match="b is a string, this sensor tells a number"):
        account.missing_datapoints(platform(fake), [Datapoint("b", "", "number")])


# Log lines.


def test_log_line_is_read_whole():
    line = parse("2000 W wifi join_failed why=wrong_password ssid=my net")
    assert (line.uptime_ms, line.level, line.module, line.event) == (
        2000,
        "W",
        "wifi",
        "join_failed",
    )
    assert line.fields == {"why": "wrong_password", "ssid": "my net"}


@pytest.mark.parametrize(
    "text",
    ["", ">>> ", "MPY: soft reboot", "1000 X wifi up", "Traceback (most recent call last):"],
)
def test_other_output_is_no_log_line(text):
    assert parse(text) is None


@pytest.mark.parametrize(
    ("text", "fact", "remedy"),
    [
        ("1 W wifi join_failed why=wrong_password ssid=x", "wrong password for x", "Wi-Fi file"),
        ("1 W wifi join_failed why=no_ap_found ssid=x", "no network x", "2.4 GHz"),
        ("1 W wifi join_failed why=Wifi Internal Error", "cannot join", "Wi-Fi file"),
        ("1 W mqtt session_failed why=tls:ca", "another authority", "--ca-file"),
        ("1 W mqtt session_failed why=tls:name", "another name", "mqtt_host"),
        ("1 W mqtt session_failed why=tls:expired", "has expired", "renew"),
        ("1 W mqtt session_failed why=tls:clock", "clock", "time server"),
        ("1 W mqtt session_failed why=auth:5", "refuses the device's login", "delete"),
        ("1 W mqtt session_failed why=tcp:ECONNREFUSED", "tcp:ECONNREFUSED", "TLS port"),
        ("1 W clock sync_failed why=no answer", "no time server", "ntp_hosts"),
        ("1 E agent config_unusable why=window: 99", "window: 99", "option"),
        ("1 E agent identity_unusable why=damaged", "damaged", "same command"),
        ("1 E store broken", "store broken", "monitor"),
        (
            "1 E agent config_replaced by=config.last why=x: 9",
            "x: 9) and runs with config.last",
            "config set",
        ),
        ("1 E agent config_taken_back", "brought no session", "config set"),
        ("1 E agent task_stuck task=mqtt", "mqtt hangs", "monitor"),
        ("1 E agent task_ended task=store why=OSError(28,)", "store failed (OSError", "monitor"),
        (
            "1 W sampler sensor_failed sensor=dht22 why=no answer",
            "dht22 fails (no answer)",
            "wires",
        ),
        ("1 E sampler sensor_disabled sensor=own", "own stalled the board", "driver"),
        ("1 E store log_unusable why=28", "flash fails (28)", "monitor"),
    ],
)
def test_fault_line_has_a_fact_and_a_remedy(text, fact, remedy):
    cause = cause_of(parse(text))
    assert fact in cause.fact
    assert remedy in cause.remedy


def hear(faults, now_s, *texts):
    for text in texts:
        faults.hear(parse(text), now_s)


def test_fault_that_may_pass_needs_to_be_seen_twice_or_to_last():
    line = "1 W wifi join_failed why=wrong_password ssid=x"
    faults = Faults()
    hear(faults, 0, line)
    assert faults.verdict(1) is None
    assert "wrong password" in str(faults.verdict(21))
    hear(faults, 2, line)
    assert "wrong password" in str(faults.verdict(2))


def test_fault_that_is_over_is_forgotten():
    faults = Faults()
    hear(faults, 0, "1 W wifi join_failed why=timeout ssid=x", "2 I wifi link_up rssi_dbm=-60")
    hear(
        faults, 0, "3 W mqtt session_failed why=tcp:ECONNREFUSED", "4 I mqtt session_up resumed=0"
    )
    assert faults.verdict(100) is None
    assert faults.latest() is None
    assert faults.online


def test_refused_certificate_needs_no_second_look():
    faults = Faults()
    hear(faults, 0, "1 W mqtt session_failed why=tls:ca")
    assert "another authority" in str(faults.verdict(0))


def test_missing_time_is_no_verdict_while_the_broker_may_still_answer():
    faults = Faults()
    hear(faults, 0, *["1 W clock sync_failed why=no answer"] * 3)
    assert faults.verdict(100) is None
    hear(faults, 1, *["2 W mqtt session_failed why=tls:clock"] * 2)
    assert "no time server answers" in str(faults.verdict(1))


def test_a_sensor_that_fails_is_no_verdict_while_others_may_tell_but_explains_silence():
    faults = Faults()
    hear(faults, 0, *["1 W sampler sensor_failed sensor=dht22 why=no answer"] * 3)
    assert faults.verdict(100) is None
    assert "dht22 fails" in str(faults.latest())
    hear(faults, 101, "2 I sampler sensor_recovered sensor=dht22")
    assert faults.latest() is None


def test_settings_bytes_are_stable():
    assert settings.as_bytes({"b": 1, "a": [2]}) == b'{"a":[2],"b":1}'
    assert json.loads(settings.as_bytes({"u": "°C"})) == {"u": "°C"}
