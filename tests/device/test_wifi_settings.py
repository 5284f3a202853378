import sys

from fakes.board import FakeBoard
from firmware import config, radio
from firmware.errors import ConfigError

GIVEN = {"mqtt_host": "broker.example"}


class Board(FakeBoard):
    """What network.country() and network.hostname() were told."""

    def __init__(self):
        super().__init__()
        self.told = []

    def country(self, code):
        self.told.append(code)

    def hostname(self, name):
        self.told.append(name)


def settings(**values):
    values.update(GIVEN)
    return config.checked(values)


def test_good_settings_are_told_to_the_board_before_anything_is_joined():
    on = Board()
    address = ["192.168.1.7", "255.255.255.0", "192.168.1.1", "0.0.0.0"]
    given = settings(
        wifi_country="NO", hostname="cold-room-7", wifi_power_save="none", static_address=address
    )
    assert radio.prepare(on, given) == (0, tuple(address))
    assert on.told == ["NO", "cold-room-7"]
    assert radio.prepare(on, settings(wifi_power_save="max")) == (2, ())
    assert radio.prepare(on, settings(static_address=address)) == (None, tuple(address))


def test_without_them_nothing_is_told_and_nothing_loaded():
    del sys.modules["firmware.radio"]
    plain = settings(wifi_country="", hostname="", static_address=[])
    assert "firmware.radio" not in sys.modules
    on = Board()
    assert radio.prepare(on, plain) is None and on.told == []


def test_what_is_none_is_refused_with_its_key_and_its_form():
    for key, values in (
        ("wifi_country", ("N", "no", "N1", "\u00c5", "N ")),
        ("hostname", ("-a", "a-", "a b", "a.b", "a_b", "\u00e5", "a\n")),
        (
            "static_address",
            (
                ["192.168.1.7"],
                ["192.168.1.7", "255.255.255.0", "192.168.1.1"],
                ["192.168.1.256", "255.255.255.0", "192.168.1.1", "9.9.9.9"],
                ["192.168.1", "255.255.255.0", "192.168.1.1", "9.9.9.9"],
                ["192.168.1.", "255.255.255.0", "192.168.1.1", "9.9.9.9"],
                ["192.168.1.-1", "255.255.255.0", "192.168.1.1", "9.9.9.9"],
                ["host", "255.255.255.0", "192.168.1.1", "9.9.9.9"],
            ),
        ),
    ):
        for value in values:
            try:
                settings(**{key: value})
            except ConfigError as exc:
                assert str(exc).startswith(key + ": "), exc
                assert " is not " in str(exc), exc
                continue
            raise AssertionError((key, value))
