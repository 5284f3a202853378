"""The tolerant readers: every shape that any document of the platform shows."""

import pytest

from ways_device.api.credentials import Broker, is_device_id, read_broker, read_credentials
from ways_device.errors import ApiError
from ways_device.secrets import redact

DEVICE = {"device_id": "d1", "name": "Device", "metadata": {}}
NESTED = {"username": "u", "password": "p", "client_id": "c"}
FLAT = {"mqtt_username": "u", "mqtt_password": "p", "mqtt_client_id": "c"}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({**DEVICE, **FLAT}, ("d1", "u", "p", "c", "")),
        ({**DEVICE, "mqtt_credentials": NESTED}, ("d1", "u", "p", "c", "")),
        ({**DEVICE, "credentials": NESTED}, ("d1", "u", "p", "c", "")),
        ({**DEVICE, "mqtt": FLAT}, ("d1", "u", "p", "c", "")),
        ({"device": {**DEVICE, **FLAT}}, ("d1", "u", "p", "c", "")),
        ({"data": {**DEVICE, "mqtt_credentials": NESTED}}, ("d1", "u", "p", "c", "")),
        ({"device": DEVICE, "mqtt_credentials": NESTED}, ("d1", "u", "p", "c", "")),
        # Flat without a client id: the login is the client id.
        (
            {**DEVICE, "mqtt_username": "u", "mqtt_password": "p"},
            ("d1", "u", "p", "u", "client_id"),
        ),
        # A password alone: the device id stands for the rest, and that is told.
        ({**DEVICE, "mqtt_password": "p"}, ("d1", "d1", "p", "d1", "username client_id")),
        # A user name without a password beside it is the owner's, not the login.
        (
            {**DEVICE, "username": "owner", "mqtt": {"password": "p"}},
            ("d1", "d1", "p", "d1", "username client_id"),
        ),
        # A server that names the device itself is believed.
        ({"device_id": "server-made", **FLAT}, ("server-made", "u", "p", "c", "")),
        (FLAT, ("asked", "u", "p", "c", "")),
        # Empty and oddly typed fields are no fields.
        (
            {**DEVICE, "mqtt_password": "", "credentials": {**NESTED, "client_id": 7}},
            ("d1", "u", "p", "u", "client_id"),
        ),
    ],
)
def test_login_is_found_wherever_the_answer_carries_it(answer, expected):
    found = read_credentials(answer, "asked")
    assert (
        found.device_id,
        found.username,
        found.password,
        found.client_id,
        found.assumed,
    ) == expected


@pytest.mark.parametrize("answer", [DEVICE, {}, [], None, "text", {"mqtt": None}, {"password": 1}])
def test_answer_without_a_password_is_no_login(answer):
    assert read_credentials(answer, "asked") is None


def test_password_does_not_show_in_the_representation():
    assert "secret" not in repr(read_credentials({"mqtt_password": "secret"}, "d"))


def test_id_that_could_not_be_a_topic_is_refused():
    with pytest.raises(ApiError, match="an id that is none: a/b"):
        read_credentials({"device_id": "a/b", **FLAT}, "asked")


@pytest.mark.parametrize("text", ["a", "esp32-a0b1", "A_1", "x" * 64])
def test_device_ids(text):
    assert is_device_id(text)


@pytest.mark.parametrize("text", ["", "a/b", "a+b", "#", "$x", "a b", "x" * 65, "ü", "a\n"])
def test_what_is_no_device_id(text):
    assert not is_device_id(text)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            {"mqtt_broker": {"host": "h", "port": 1883, "tls_port": 8884, "protocol": "mqtt"}},
            Broker("h", 8884),
        ),
        ({"broker": "h", "ports": {"mqtt": 1883, "mqtts": 8885}}, Broker("h", 8885)),
        ({"broker": {"host": "h", "tls_port": 1}}, Broker("h", 1)),
        ({"broker": {"host": "h"}, "ports": {"mqtts": 2}}, Broker("h", 2)),
        # `port` is the one without TLS: never taken.
        ({"host": "h", "port": 1883}, Broker("h", 8883)),
        ({"broker_url": "mqtt://h.example:1883", "port": 1883}, Broker("h.example", 8883)),
        ({"mqtt_broker": {"host": "h", "tls_port": "8884"}}, Broker("h", 8883)),
        ({"mqtt_broker": {"host": "h", "tls_port": 0}}, Broker("h", 8883)),
    ],
)
def test_broker_is_found_in_every_shape(answer, expected):
    assert read_broker(answer) == expected


@pytest.mark.parametrize("answer", [{}, [], None, {"broker": ""}, {"host": "a b"}, {"host": 1}])
def test_answer_without_a_broker_is_an_error(answer):
    with pytest.raises(ApiError, match="names no broker"):
        read_broker(answer)


def test_password_is_kept_off_every_screen_from_the_moment_it_is_known():
    found = read_credentials({"device_id": "d1", "mqtt_password": "a-canary-of-this-test"}, "d1")
    assert found.password not in repr(found)
    assert redact(f"the board said {found.password}") == "the board said ***"
