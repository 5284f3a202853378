"""What --sensor says: kinds and their options, as the device will read them."""

import json

import pytest

from ways_device.boards.judge import judge
from ways_device.errors import UsageError
from ways_device.fleet import cells
from ways_device.provision.request import sensors
from ways_device.resources import device_source


def test_sensor_options_are_typed():
    assert sensors(["dht22:pin=4,key=cellar,unit=°C", "simulated", "adc:pin=34,on=true"]) == [
        {"kind": "dht22", "pin": 4, "key": "cellar", "unit": "°C"},
        {"kind": "simulated"},
        {"kind": "adc", "pin": 34, "on": True},
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.5", 0.5), ("-12.25", -12.25), ("+7", 7), ("-7", -7), ("0x76", 0x76), ("false", False),
        ("mean+max", ["mean", "max"]), ("1+2.5+x", [1, 2.5, "x"]),
        # Neither a number nor a list.
        ("1e5", "1e5"), ("nan", "nan"), ("inf", "inf"), (".", "."), ("1.2.3", "1.2.3"),
        ("a+", "a+"), ("+", "+"), ("a++b", "a++b"), ("28e0", "28e0"),
    ],
)  # fmt: skip
def test_value_of_a_sensor_option_is_what_it_looks_like(text, value):
    ((_, found),) = list(sensors([f"adc:x={text}"])[0].items())[1:]
    assert found == value and type(found) is type(value)
    assert json.loads(json.dumps(found)) == value


def test_the_agent_takes_what_sensor_options_say():
    asked = ["dht22:pin=4,deadband=0.5,aggregate=mean+max", "adc:pin=34,low=0.25,high=2.5"]
    text = json.dumps({"mqtt_host": "h", "sensors": list(sensors(asked))}).encode()
    points = [point.key for point in judge(text, device_source()).datapoints]
    assert points == ["temperature", "temperature_max", "humidity", "humidity_max", "voltage"]


def test_sensor_defaults_to_the_chip():
    assert list(sensors([])) == [{"kind": "internal_temperature"}]


@pytest.mark.parametrize("text", ["", ":pin=4", "dht22:pin", "dht22:=4", "a b", "adc:pin=1,pin=2"])
def test_sensor_that_is_none_is_refused(text):
    with pytest.raises(UsageError, match="--sensor"):
        sensors([text])


def test_a_cell_of_a_fleets_sheet_says_the_same():
    text = "dht22:pin=4,deadband=0.5; adc:pin=34,aggregate=mean+max"
    assert list(cells.parse("sensors", text)) == [
        {"kind": "dht22", "pin": 4, "deadband": 0.5},
        {"kind": "adc", "pin": 34, "aggregate": ["mean", "max"]},
    ]
