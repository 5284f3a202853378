"""The Wi-Fi file: what is taken, and messages that name the place but never a password."""

import json

import pytest

from ways_device import wifi
from ways_device.errors import UsageError


def test_networks_come_as_written():
    text = '[{"ssid": "a", "password": "password1", "priority": 2}, {"ssid": "open"}]'
    assert [network.as_json() for network in wifi.parse(text, "f")] == [
        {"ssid": "a", "password": "password1", "priority": 2},
        {"ssid": "open", "password": "", "priority": 0},
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"ssid": "a", "password": "canary-secret",}]', r"f: not JSON \(line 1\)"),
        ("", "not JSON"),
        ("{}", "a list of networks"),
        ("[]", "a list of networks"),
        ("[1]", "network 1: an object"),
        ('[{"ssid": ""}]', "network 1: ssid"),
        (json.dumps([{"ssid": "x" * 33}]), "network 1: ssid"),
        ('[{"ssid": 5}]', "network 1: ssid"),
        ('[{"ssid": "ok"}, {"ssid": "a", "password": "canary"}]', "network 2: password"),
        ('[{"ssid": "a", "password": 12345678}]', "network 1: password"),
        (json.dumps([{"ssid": "a", "password": "canary-secret" * 9}]), "network 1: password"),
        ('[{"ssid": "a", "passwort": "canary-secret"}]', "unknown key 'passwort'"),
        ('[{"ssid": "a", "priority": true}]', "network 1: priority"),
        (json.dumps([{"ssid": "a"}] * 9), "9 networks"),
    ],
)
def test_what_is_wrong_is_told_without_the_password(text, said):
    with pytest.raises(UsageError, match=said) as caught:
        wifi.parse(text, "f")
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_representation_hides_the_password():
    assert "canary" not in repr(wifi.Network("a", "canary-secret"))


def test_file_that_others_can_read_is_told(tmp_path):
    path = tmp_path / "wifi.json"
    path.write_text('[{"ssid": "a"}]')
    path.chmod(0o644)
    notes = []
    wifi.load(path, notes.append)
    path.chmod(0o600)
    wifi.load(path, notes.append)
    assert len(notes) == 1
    assert "chmod 600" in notes[0]


def test_missing_file_and_no_terminal_are_usage_errors(tmp_path):
    with pytest.raises(UsageError, match=r"cannot read the Wi-Fi file .*: No such file"):
        wifi.load(tmp_path / "none", print)
    with pytest.raises(UsageError, match="give --wifi-file FILE"):
        wifi.load(None, print)
