"""Only the right broker is spoken to: the whole agent against servers with one thing wrong."""

import contextlib

import agent_process
import pytest
from certificates import Authority
from tls_recorder import Recorder

LOGIN = ("d1", "d1", "the-password")

WRONG = {
    "another authority": ("tls:ca", "Other CA", {}),
    "another name": ("tls:name", "Test CA", {"name": "broker.example"}),
    "expired": ("tls:expired", "Test CA", {"days": -2}),
    "not yet valid": ("tls:clock", "Test CA", {"days": 9, "since_days": 1}),
}


@pytest.fixture
def authority():
    return Authority("Test CA")


@pytest.mark.parametrize("bits", ["64", "32"])
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_certificate_is_named_and_no_application_byte_leaves(
    tmp_path, authority, wrong, bits
):
    name, signer, certificate = WRONG[wrong]
    signer = authority if signer == "Test CA" else Authority(signer)
    files = signer.server(tmp_path, **{"name": "127.0.0.1", **certificate})
    with contextlib.closing(Recorder(*files)) as server:
        config = {"mqtt_host": "127.0.0.1", "mqtt_port": server.port}
        with agent_process.running(tmp_path / "d", LOGIN, authority.der, config, bits) as agent:
            agent.wait_line("W mqtt session_failed why=" + name)
            # Once is no proof: it goes on trying, and goes on refusing, and goes on sampling.
            agent.wait_line("W mqtt session_failed why=" + name)
            agent.wait_line("D sampler reading_taken")
        assert sum(map(bool, server.raw)) >= 2  # one more may just begin
        assert server.application_records() == 0
        assert not any(b"the-password" in raw for raw in server.raw)


@pytest.mark.parametrize("bits", ["64", "32"])
def test_the_right_certificate_lets_the_login_through(tmp_path, authority, bits):
    with contextlib.closing(Recorder(*authority.server(tmp_path, "127.0.0.1"))) as server:
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
    files = Authority("Other CA").server(tmp_path, "127.0.0.1")
    with contextlib.closing(Recorder(*files)) as server:
        config = {"mqtt_host": "127.0.0.1", "mqtt_port": server.port}
        tricks = {"verify": False, "cert_reqs": 0, "ssl": False, "insecure": True, "ca": None}
        folder = tmp_path / "d"
        with agent_process.running(folder, LOGIN, authority.der, config | tricks) as agent:
            agent.wait_line("W agent setting_unknown key=")
            agent.wait_line("W mqtt session_failed why=tls:ca")
        assert server.application_records() == 0
