"""Only the right broker is spoken to: the whole agent against servers with one thing wrong."""

import contextlib

import agent_process
import pki
import pytest
from tls_recorder import Recorder

LOGIN = ("d1", "d1", "the-password")

WRONG = {
    "another authority": ("tls:ca", lambda ca, other: other.server("other-ca")),
    "another name": ("tls:name", lambda ca, other: ca.server("name", host="broker.example")),
    "expired": ("tls:expired", lambda ca, other: ca.server("old", until=-pki.DAY / 24)),
    "not yet valid": ("tls:clock", lambda ca, other: ca.server("new", since=pki.DAY)),
}


@pytest.fixture
def authority(tmp_path):
    return pki.Authority(tmp_path)


@pytest.mark.parametrize("bits", ["64", "32"])
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_certificate_is_named_and_no_application_byte_leaves(
    tmp_path, authority, wrong, bits
):
    name, make = WRONG[wrong]
    files = make(authority, pki.Authority(tmp_path, "Other CA"))
    with contextlib.closing(Recorder(*files)) as server:
        config = {"mqtt_host": "127.0.0.1", "mqtt_port": server.port}
        with agent_process.running(tmp_path / "d", LOGIN, authority.der, config, bits) as agent:
            agent.wait_line("W mqtt session_failed why=" + name)
            # Once is no proof: it goes on trying, and goes on refusing, and goes on sampling.
            agent.wait_line("W mqtt session_failed why=" + name)
            agent.wait_line("D sampler reading_taken")
        assert len(server.raw) >= 2 and all(server.raw)
        assert server.application_records() == 0
        assert not any(b"the-password" in raw for raw in server.raw)


@pytest.mark.parametrize("bits", ["64", "32"])
def test_the_right_certificate_lets_the_login_through(tmp_path, authority, bits):
    with contextlib.closing(Recorder(*authority.server("good"))) as server:
        config = {"mqtt_host": "127.0.0.1", "mqtt_port": server.port}
        with agent_process.running(tmp_path / "d", LOGIN, authority.der, config, bits) as agent:
            agent.wait_line("I mqtt session_up")
        # The recorder does see application data where there is some.
        assert server.application_records() > 0
        assert b"the-password" in server.plain[0]
        assert b"the-password" not in server.raw[0]


def test_a_server_that_answers_http_gets_nothing_but_a_hello(tmp_path, authority):
    portal = b"HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\n\r\n"
    with contextlib.closing(Recorder(greeting=portal)) as server:
        config = {"mqtt_host": "127.0.0.1", "mqtt_port": server.port}
        with agent_process.running(tmp_path / "d", LOGIN, authority.der, config) as agent:
            agent.wait_line("W mqtt session_failed why=tls:proto")
        assert all(b"the-password" not in raw for raw in server.raw)


def test_no_setting_turns_verification_off(tmp_path, authority):
    files = pki.Authority(tmp_path, "Other CA").server("other")
    with contextlib.closing(Recorder(*files)) as server:
        config = {"mqtt_host": "127.0.0.1", "mqtt_port": server.port}
        tricks = {"verify": False, "cert_reqs": 0, "ssl": False, "insecure": True, "ca": None}
        folder = tmp_path / "d"
        with agent_process.running(folder, LOGIN, authority.der, config | tricks) as agent:
            agent.wait_line("W agent setting_unknown key=")
            agent.wait_line("W mqtt session_failed why=tls:ca")
        assert server.application_records() == 0
