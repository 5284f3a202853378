"""Settings files judged without a board, by the agent's own code; kinds of sensor as listed."""

import json

import pytest

from ways_device import cli

GOOD = {"mqtt_host": "h", "sensors": [{"kind": "simulated", "key": "t", "unit": "K"}]}


@pytest.fixture
def validate(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("WAYS_DEVICE_HOME", str(tmp_path / "home"))

    def call(content, expected):
        path = tmp_path / "config.json"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        assert cli.run(["config", "validate", str(path), "--json"]) == expected
        # The file itself is left as it was.
        assert path.exists()
        said = capsys.readouterr()
        return said.err if expected else json.loads(said.out)

    return call


def test_good_file_is_told_with_its_datapoints(validate):
    found = validate(GOOD, 0)
    assert found["valid"] is True and found["datapoints"] == ["t (K)"]


def test_sensors_are_judged_though_their_chips_are_not_here(validate):
    sensors = [{"kind": "dht22", "pin": 4}, {"kind": "adc", "pin": 34}]
    found = validate({**GOOD, "sensors": sensors}, 0)
    assert found["datapoints"] == ["temperature (°C)", "humidity (%)", "voltage (V)"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({**GOOD, "window": 99}, "the device would refuse it: window: 99 is not in 1..64"),
        ({"sensors": []}, "mqtt_host: missing"),
        ({**GOOD, "topics": ["other/tree"]}, "topics: other/tree is not below devices/+/"),
        ({**GOOD, "sensors": GOOD["sensors"] * 2}, "datapoint t is told by two sensors"),
        ({**GOOD, "sensors": [{"kind": "none"}]}, "sensors: none"),
        ({**GOOD, "sensors": [{"kind": "adc", "pin": 3, "size": 1}]}, "unknown option size"),
        ({**GOOD, "colour": 1}, "the device has no setting colour"),
        (b'{"mqtt_host": "h",\n "window": }', "not JSON (line 2)"),
        (b'{"mqtt_host": "h"', "not JSON (line 1)"),
        (b"[1]", "a JSON object is expected"),
        (b'{"\xff": 1}', "not text in UTF-8"),
        (b"{" + b" " * 9000 + b"}", "the device reads 8192 at most"),
    ],
)
def test_bad_file_is_told_in_the_words_of_the_device(validate, content, said):
    assert said in validate(content, 2)


def test_missing_file_is_told(capsys, tmp_path):
    assert cli.run(["config", "validate", str(tmp_path / "none")]) == 2
    assert "cannot read" in capsys.readouterr().err


def test_kinds_of_sensor_are_listed_with_their_options(capsys):
    assert cli.run(["sensor", "list", "--json"]) == 0
    kinds = {one["kind"]: one for one in json.loads(capsys.readouterr().out)}
    assert kinds["dht22"]["options"].startswith('pin; temperature ("temperature")')
    assert kinds["dht22"]["about"].startswith("Aosong DHT22")
    assert "Source" not in kinds["dht22"]["options"]
    assert set(kinds) >= {"adc", "dht11", "dht22", "internal_temperature", "simulated"}
    assert cli.run(["sensor", "list", "dht22"]) == 0
    assert all(len(line) <= 80 for line in capsys.readouterr().out.splitlines())
