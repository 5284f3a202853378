"""The surroundings of the virtual board: what a description may say, and the script's steps."""

import pytest

from ways_device.vboard import world
from ways_device.vboard.world import Air, Step, World, parse_adc_mv, parse_wlan

NETWORK = {"ssid": "lab", "password": "secret"}


class Later:
    """Calls that are to come, by name; the test lets them come."""

    def __init__(self):
        self.calls = {}

    def call_later(self, name, delay_s, call):
        self.calls[name] = (delay_s, call)

    def cancel(self, name):
        self.calls.pop(name, None)

    def next(self, name):
        delay_s, call = self.calls.pop(name)
        call()
        return delay_s


def rig():
    later, seen = Later(), []
    surroundings = World(later, lambda: seen.append((dict(made.adc_mv), made.air)))
    made = surroundings
    return made, later, seen


def test_voltages_that_are_not_named_stay():
    surroundings, _, seen = rig()
    surroundings.set_adc_mv(parse_adc_mv({"32": 700}))
    assert seen[-1][0] == {**world.DEFAULT_ADC_MV, "32": 700}


def test_pin_is_known_by_its_number_however_it_is_written():
    assert parse_adc_mv({"034": 5}) == {"34": 5}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([], "adc_mv: not an object"),
        ({}, "adc_mv: not an object"),
        ({"x": 5}, "pin 'x'"),
        ({"40": 5}, "pin '40'"),
        ({"34": -1}, "-1 at pin 34"),
        ({"34": 3301}, "3301 at pin 34"),
        ({"34": True}, "True at pin 34"),
        ({"34": 1.5}, "1.5 at pin 34"),
    ],
)
def test_bad_voltage_is_named(value, words):
    with pytest.raises(ValueError, match="adc_mv") as caught:
        parse_adc_mv(value)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ssid": ""}, "wlan.ssid"),
        ({"ssid": "é" * 17}, "wlan.ssid: not a text of 1 to 32 bytes"),
        ({"password": 5}, "wlan.password"),
        ({"rssi": 3}, "wlan.rssi: 3"),
        ({"colour": "red"}, "unknown key 'colour'"),
        ({"script": {}}, "wlan.script: not a list"),
        ({"script": [5]}, "wlan.script[0]: not an object"),
        ({"script": [{"state": "up"}]}, "wlan.script[0].after_ms: None"),
        ({"script": [{"after_ms": -1, "state": "up"}]}, "after_ms: -1"),
        ({"script": [{"after_ms": 1}]}, "neither state nor rssi"),
        (
            {"script": [{"after_ms": 1, "rssi": -50}, {"after_ms": 1, "state": "off"}]},
            "wlan.script[1].state: 'off' is none of up, down",
        ),
        ({"script": [{"after_ms": 1, "state": "up", "then": 1}]}, "unknown key 'then'"),
    ],
)
def test_bad_network_is_named_by_its_place(change, words):
    with pytest.raises(ValueError, match=r"wlan") as caught:
        parse_wlan({**NETWORK, **change})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_network_without_a_script_is_up_and_stays():
    surroundings, later, seen = rig()
    surroundings.set_wlan(*parse_wlan(NETWORK))
    assert seen[-1][1] == Air("lab", "secret", "up", world.DEFAULT_RSSI_DBM)
    assert later.calls == {}


def test_steps_come_one_after_the_other_and_keep_what_they_do_not_change():
    surroundings, later, seen = rig()
    script = [
        {"after_ms": 2000, "state": "down"},
        {"after_ms": 500, "state": "up", "rssi": -80},
        {"after_ms": 0, "rssi": -90},
    ]
    surroundings.set_wlan(*parse_wlan({**NETWORK, "script": script}))
    assert [later.next("wlan") for _ in script] == [2.0, 0.5, 0.0]
    assert [(air.state, air.rssi) for _, air in seen] == [
        ("up", -61),
        ("down", -61),
        ("up", -80),
        ("up", -90),
    ]
    assert later.calls == {}


def test_new_network_ends_the_script_of_the_old_one():
    surroundings, later, _ = rig()
    surroundings.set_wlan(Air(), [Step(5.0, {"state": "down"})])
    surroundings.set_wlan(Air(ssid="other"), [])
    assert later.calls == {}
    assert surroundings.air.ssid == "other"
