"""Sensor drivers of somebody's own in a fleet, and the datapoints that a plan foresees."""

import json

import pytest
from fleet_rig import Boards, FleetFake, FleetRig, chip_id

from ways_device import cli, drivers
from ways_device.boards.judge import judge
from ways_device.fleet import command
from ways_device.fleet.datapoints import told_by
from ways_device.provision.request import Request, sensors
from ways_device.resources import device_source

DRIVER = """
from firmware.reading import Datapoint


class Door:
    def __init__(self, point):
        self.points = (point,)


def open(board, options):
    return Door(Datapoint(options.pop("key", "is_open"), "", "boolean"))
"""
# What each kind needs, and what changes the datapoints that it makes.
ASKED = [
    *("adc:pin=34", "battery:pin=35,voltage=volts", "battery:pin=35,key=charge"),
    *("bh1750:scl=22,sda=21", "bme280:scl=22,sda=21,pressure=air,aggregate=last+min+count"),
    *("dht11:pin=4", "dht22:pin=4,humidity=damp,aggregate=mean+max", "digital:pin=5"),
    *("digital:pin=5,aggregate=last+count", "ds18b20:pin=4", "ina219:scl=22,sda=21"),
    *("internal_temperature:key=chip", "pulse:pin=4", "pulse:pin=4,rate=flow,total=volume"),
    *("sht3x:scl=22,sda=21", "signal", "simulated:aggregate=max"),
]


@pytest.fixture
def rig(tmp_path):
    return FleetRig(tmp_path, FleetFake())


@pytest.fixture
def door(tmp_path):
    path = tmp_path / "door.py"
    path.write_text(DRIVER)
    return path


@pytest.mark.parametrize("text", ASKED)
def test_a_plan_foresees_what_the_agent_makes_of_a_sensor(text):
    asked = sensors([text])
    settings = json.dumps({"mqtt_host": "h", "sensors": list(asked)}).encode()
    made = {point.key: point.data_type for point in judge(settings, device_source()).datapoints}
    assert told_by([Request("any", sensors=asked)], device_source(), {}) == (made, [])


def test_every_kind_is_foreseen():
    assert {text.partition(":")[0] for text in ASKED} == set(drivers.own_kinds(device_source()))


def test_an_aggregate_of_one_datapoint_is_foreseen_for_it_alone():
    asked = [{"kind": "dht22", "pin": 4, "aggregate": {"humidity": ["mean", "max"]}}]
    settings = json.dumps({"mqtt_host": "h", "sensors": asked}).encode()
    made = {point.key: point.data_type for point in judge(settings, device_source()).datapoints}
    assert told_by([Request("any", sensors=asked)], device_source(), {}) == (made, [])
    assert "humidity_max" in made and "temperature_max" not in made


def test_own_drivers_are_known_to_a_plan_and_reach_every_board(rig, door):
    text = "name,chip_id,interval_s,sensors\n"
    text += "".join(f"Door {number},{chip_id(number)},5,door\n" for number in range(3))
    rows = rig.sheet(text)
    problems = command.plan(rows, rig.shop())["problems"]
    assert problems == [
        "sensors: this agent has no sensor door; one of your own goes with --driver door.py"
    ]
    rig.drivers = drivers.load([door], rig.source)
    found = command.plan(rows, rig.shop())
    assert found["problems"] == [] and found["to_make"]["datapoints"] == ["is_open"]
    yard = Boards(rig.platform, 3)
    assert rig.provision(rows, yard)["done"] == 3
    for board in yard.boards.values():
        assert board.files["/sensors/door.mpy"] == rig.drivers[0].file.data


def test_a_datapoint_of_another_type_is_told_beforehand(rig, door):
    rig.platform.datapoints = [{"name": "is_open", "data_type": "number"}]
    rig.drivers = drivers.load([door], rig.source)
    rows = rig.sheet(f"name,chip_id,interval_s,sensors\nDoor,{chip_id(1)},5,door\n")
    assert command.plan(rows, rig.shop())["problems"] == [
        "datapoint is_open is a number on the account, the sensor tells a boolean"
    ]


@pytest.mark.parametrize("name", ["plan", "provision"])
def test_a_file_that_is_no_driver_is_refused_by_its_name(name, tmp_path, capsys):
    path = tmp_path / "adc.py"
    path.write_text(DRIVER)
    words = ["fleet", name, str(tmp_path / "devices.csv"), "--driver", str(path)]
    assert cli.run(words) == 2
    assert "there is a kind adc already" in capsys.readouterr().err
