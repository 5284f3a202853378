import json
import os

from fakes.board import FakeBoard
from fakes.log import Lines
from firmware import config, files
from firmware.errors import ConfigError

GOOD = {"rev": 3, "mqtt_host": "broker.example"}


def refusal(**changes):
    values = dict(GOOD)
    values.update(changes)
    try:
        config.checked(values)
    except ConfigError as exc:
        return str(exc)
    return None


def scratch():
    return os.getenv("SCRATCH") + "/"


def write(name, data):
    with open(scratch() + name, "wb") as file:
        file.write(data)


def test_what_is_not_in_the_file_has_its_default():
    cfg = config.checked(GOOD)
    assert (cfg.rev, cfg.mqtt_host, cfg.mqtt_port) == (3, "broker.example", 8883)
    assert (cfg.interval_s, cfg.window, cfg.battery_pin) == (60, 16, None)
    assert cfg.unknown == []


def test_a_key_nobody_knows_is_told_and_does_no_harm():
    assert config.checked({"mqtt_host": "b", "intervall_s": 5}).unknown == ["intervall_s"]


def test_a_bad_value_is_refused_with_its_key_and_why():
    assert refusal(interval_s=0) == "interval_s: 0 is not in 1..86400"
    assert refusal(interval_s=86401) == "interval_s: 86401 is not in 1..86400"
    assert refusal(interval_s="60") == "interval_s: '60' is not of type int"
    assert refusal(interval_s=True) == "interval_s: True is not of type int"
    assert refusal(interval_s=1.5) == "interval_s: 1.5 is not of type int"
    assert refusal(telemetry_sequence=1) == "telemetry_sequence: 1 is not of type bool"
    assert refusal(log_level="X") == "log_level: 'X' is not one of E, W, I, D"
    assert refusal(topics=[]) == "topics: length 0 is not in 1..17"
    assert refusal(topics=[3]) == "topics: 3 is not of type str"
    assert refusal(sensors=["dht22"]) == "sensors: 'dht22' is not of type dict"
    assert refusal(mqtt_host=None) == "mqtt_host: None is not of type str"


def test_the_broker_must_be_named():
    try:
        config.checked({"rev": 1})
    except ConfigError as exc:
        assert str(exc) == "mqtt_host: missing"
    else:
        raise AssertionError("accepted")


def test_every_default_passes_its_own_check():
    for key, kind, low, high, default in config.TABLE:
        if default is not None and default is not config.REQUIRED:
            config.check(key, kind, low, high, default)


def test_a_file_that_is_no_config_is_refused_whatever_it_holds():
    for data in (b"", b"[]", b"\xff\xfe\x00", b"{", b'{"mqtt_host": "b"' + b" " * 9000 + b"}"):
        write("config.json", data)
        try:
            config.usable(scratch(), Lines().log())
        except ConfigError:
            continue
        raise AssertionError(data[:20])


def test_the_last_good_config_serves_while_the_file_is_unusable():
    lines = Lines()
    write("config.json", json.dumps(GOOD).encode())
    files.copy(scratch() + "config.json", scratch() + "config.last")
    write("config.json", b'{"mqtt_host": "other", "interval_s": -1}')
    cfg = config.usable(scratch(), lines.log())
    assert cfg.mqtt_host == "broker.example"
    assert lines == [
        "0 E test config_replaced by=config.last why=interval_s: -1 is not in 1..86400"
    ]


def test_keeping_the_same_config_again_writes_nothing():
    write("config.json", json.dumps(GOOD).encode())
    files.copy(scratch() + "config.json", scratch() + "config.last")
    before = os.stat(scratch() + "config.last")
    files.copy(scratch() + "config.json", scratch() + "config.last")
    # A replaced file would be another inode.
    assert os.stat(scratch() + "config.last")[1] == before[1]


def tried(nvs=None, refuse=()):
    """Return (by whom the file is replaced, Config) of all that is to be tried."""
    found, cfg = [], None
    try:
        while len(found) <= len(refuse):
            cfg = config.usable(scratch(), Lines().log(), "config.json", nvs, cfg)
            found.append((cfg.replaced and cfg.replaced["by"], cfg))
            if len(found) <= len(refuse):
                cfg.refused = refuse[len(found) - 1]
    except ConfigError as exc:
        found.append((str(exc), None))
    return found


def knows(broker):
    nvs = FakeBoard().nvs
    if broker:
        nvs.set_blob("broker", broker)
    return nvs


def test_without_a_last_good_config_what_is_right_in_the_file_is_used():
    write("config.json", b'{"mqtt_host": "b", "interval_s": 7, "window": "many", "topics": []}')
    ((by, cfg),) = tried(knows(None))
    assert by == "mended" and cfg.replaced["why"].startswith("topics: ")
    assert (cfg.mqtt_host, cfg.interval_s, cfg.window) == ("b", 7, 16)


def test_without_any_the_broker_that_was_reached_last_is_enough():
    for data in (b"{", b"\xff\x00", b"[" * 8000 + b"}", b" " * 65536, b'{"mqtt_host": 7}'):
        write("config.json", data)
        ((by, cfg),) = tried(knows(b"broker.example:8884"))
        assert by == "mended", data[:20]
        assert (cfg.mqtt_host, cfg.mqtt_port, cfg.sensors) == ("broker.example", 8884, [])
    os.remove(scratch() + "config.json")
    assert tried(knows(b"broker.example:8884"))[0][1].mqtt_host == "broker.example"
    assert tried(knows(None)) == [("config: no file", None)]


def test_settings_that_somebody_refuses_are_followed_by_the_next_best():
    write("config.json", json.dumps(GOOD).encode())
    write("config.last", b'{"mqtt_host": "last"}')
    no = ConfigError("sensors: no")
    found = tried(knows(b"kept:1"), [no, no, no])
    assert [by for by, _ in found] == [None, "config.last", "mended", "defaults"]
    assert [cfg.mqtt_host for _, cfg in found] == [
        "broker.example",
        "last",
        "broker.example",
        "kept",
    ]
    assert found[3][1].replaced["why"] == "sensors: no"
    assert tried(knows(b"kept:1"), [no] * 4)[-1] == ("sensors: no", None)


def test_whatever_a_key_holds_the_rest_of_the_file_serves():
    odd = (None, True, -1, 1 << 40, 1.5, "", "x" * 300, [], [[]], [{}], {}, {"a": None})
    for key, _, _, _, _ in config.TABLE:
        for value in odd:
            values = {"mqtt_host": "b", "rev": 3}
            values[key] = value
            write("config.json", json.dumps(values).encode())
            _, cfg = tried(knows(b"kept:1"))[0]
            assert cfg.mqtt_host in ("b", "kept", "x" * 300), (key, value)
            assert cfg.rev == 3 or key == "rev"
