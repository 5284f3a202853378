"""The whole agent while the network or the broker fails, one stage of a session after the other.

In each story readings go on being taken, the log names the stage, and after healing every
reading arrives: what is twice there was on the way when a link was lost.
"""

import contextlib
import os
import re
import signal
import ssl
from pathlib import Path

import agent_process
import pytest
from faultnet import NameServer, deaf_port
from faultplan import Cut, Dribble, Mute, StopReading
from faultproxy import FaultProxy
from sandbox_rig import eventually, running

WINDOW = 16
MOST_READINGS = 40
TAKEN = r"D sampler reading_taken boot=1 seq=(\d+)"
UP = r"I mqtt session_up"
LOST = r"W mqtt session_failed"
# A TLS record: kind, version, length, then so many bytes; this kind is what MQTT is in.
RECORD_HEADER = 5
APPLICATION_DATA = 23
# The answer to a login, of four bytes, and what encryption adds; a handshake's are longer.
ANSWER_MOST = 30
# The server's signature differs by a few bytes from handshake to handshake, by less than this.
SIGNATURE_SLACK = 8
HOST = "broker.test"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    # The name is in the broker's certificate, and only our own name server knows it.
    with running(tmp_path_factory.mktemp("sandbox"), "--host", HOST) as sandbox:
        sandbox.post("/datapoints", {"key": "temperature", "data_type": "number"})
        yield sandbox


@pytest.fixture
def device_id(request):
    return request.node.name.replace("[", "-").replace("]", "").replace("_", "-")[-60:]


@contextlib.contextmanager
def agent_of(sandbox, folder, device_id, port, **config):
    login = sandbox.register(device_id)
    ca_der = ssl.PEM_cert_to_DER_cert(Path(sandbox.info["ca_file"]).read_text())
    where = {"mqtt_host": "127.0.0.1", "mqtt_port": port, "keepalive_s": 10, "window": WINDOW}
    with agent_process.running(folder, login, ca_der, where | config) as agent:
        yield agent


def broker_of(sandbox):
    return "127.0.0.1", sandbox.info["mqtt_tls_port"]


def soon(agent, pattern):
    """Wait for a line as wait_line() does, but no longer than while so many readings are taken."""
    for _ in range(MOST_READINGS):
        line = agent.wait_line(f"{pattern}|D sampler reading_taken").string
        if match := re.search(pattern, line):
            return match
    raise AssertionError(f"no {pattern!r} in:\n" + "\n".join(agent.lines))


def fails_with(agent, why):
    """Assert that this is the next failure, and that until then readings went on being taken."""
    seen = len(agent.lines)
    began_ms = int(agent.wait_line(r"^(\d+) D sampler reading_taken")[1])
    failure = soon(agent, r"^(\d+) W mqtt session_failed why=(.*)")
    assert re.fullmatch(why, failure[2]), failure[0]
    taken = [line for line in agent.lines[seen:] if "reading_taken" in line]
    # One each second; a machine that is busy may be a little behind.
    assert len(taken) >= (int(failure[1]) - began_ms) / 1000 * 0.8 - 1, taken
    seqs = [int(line.rpartition("=")[2]) for line in taken]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))


def arrives(sandbox, device_id, agent, lost_links):
    """Wait until everything taken so far is there; assert that the account is in order."""
    last = int(agent.wait_line(TAKEN)[1])
    path = f"/sandbox/ledger/{device_id}"

    def delivered():
        return sum(row["delivered"] for row in sandbox.get(path)["boots"])

    eventually(lambda: delivered() > last, within_s=30)
    account = sandbox.get(path)
    (row,) = account["boots"]
    assert account["adds_up"] is True
    assert row["missing"] == [] and row["dropped"] == row["volatile"] == 0
    assert row["duplicates"] <= WINDOW * lost_links


def test_a_name_server_that_never_answers(sandbox, tmp_path, device_id):
    with FaultProxy(broker_of(sandbox)) as proxy, NameServer(is_mute=True) as server:
        where = {"mqtt_host": HOST, "dns_servers": [server.address] * 4}
        with agent_of(sandbox, tmp_path / "d", device_id, proxy.port, **where) as agent:
            # Its own limit for all servers together, or the last of them.
            fails_with(agent, "dns:.*")
            assert server.asked >= 3
            assert proxy.connections == []
            server.is_mute = False
            soon(agent, UP)
            arrives(sandbox, device_id, agent, lost_links=0)


def test_a_connect_that_nobody_answers(sandbox, tmp_path, device_id):
    with contextlib.ExitStack() as deaf:
        port = deaf.enter_context(deaf_port())
        with agent_of(sandbox, tmp_path / "d", device_id, port) as agent:
            fails_with(agent, "tcp:timeout")
            deaf.close()
            with FaultProxy(broker_of(sandbox), port=port):
                soon(agent, UP)
                arrives(sandbox, device_id, agent, lost_links=0)


@pytest.mark.parametrize(
    "plan", [Mute("down"), Dribble("down", every_s=0.1)], ids=["silent", "dribbled"]
)
def test_a_handshake_that_does_not_end(sandbox, tmp_path, device_id, plan):
    with FaultProxy(broker_of(sandbox)) as proxy:
        proxy.plan = plan
        with agent_of(sandbox, tmp_path / "d", device_id, proxy.port) as agent:
            fails_with(agent, "tls:timeout")
            # It did say hello, and the dribble did come.
            assert proxy.connections[0].up.bytes > 0
            assert (proxy.connections[0].down.bytes > 10) is isinstance(plan, Dribble)
            proxy.plan = None
            soon(agent, UP)
            arrives(sandbox, device_id, agent, lost_links=0)


def test_a_login_without_an_answer_and_a_peer_that_stops_reading(sandbox, tmp_path, device_id):
    with (
        FaultProxy(broker_of(sandbox), record=True) as proxy,
        agent_of(sandbox, tmp_path / "d", device_id, proxy.port) as agent,
    ):
        soon(agent, UP)
        first = proxy.connections[0]
        proxy.plan = Mute("down", handshake_bytes(first) + SIGNATURE_SLACK)
        first.end("reset")
        soon(agent, LOST)
        fails_with(agent, "connack:timeout")
        proxy.plan = None
        soon(agent, UP + " resumed=True")

        second = proxy.connections[-1]
        second.plan = StopReading("up", after=second.up.came)
        fails_with(agent, "silent: no PUBACK")
        soon(agent, UP + " resumed=True")
        arrives(sandbox, device_id, agent, lost_links=3)


def handshake_bytes(connection):
    """Return how many bytes came from the broker before its answer to the login."""
    data = b"".join(row[2] for row in connection.record if row[1] == "down")
    at = 0
    while True:
        size = int.from_bytes(data[at + 3 : at + 5], "big")
        if data[at] == APPLICATION_DATA and size <= ANSWER_MOST:
            return at
        at += RECORD_HEADER + size


def test_acknowledgements_that_do_not_come_and_a_flow_that_is_forgotten(
    sandbox, tmp_path, device_id
):
    with (
        FaultProxy(broker_of(sandbox)) as proxy,
        agent_of(sandbox, tmp_path / "d", device_id, proxy.port) as agent,
    ):
        soon(agent, UP)
        proxy.connections[-1].plan = Mute("down")
        fails_with(agent, "silent: no PUBACK")
        soon(agent, UP + " resumed=True")
        # The broker did get them: they are told again, and counted as what they are.
        agent.wait_line(TAKEN)

        proxy.forget()
        fails_with(agent, "silent: no PUBACK")
        soon(agent, UP + " resumed=True")
        arrives(sandbox, device_id, agent, lost_links=2)


def test_a_network_that_swallows_everything_for_a_while(sandbox, tmp_path, device_id):
    with (
        FaultProxy(broker_of(sandbox)) as proxy,
        agent_of(sandbox, tmp_path / "d", device_id, proxy.port) as agent,
    ):
        soon(agent, UP)
        proxy.black_hole()
        fails_with(agent, "silent: no PUBACK")
        # New connections are in the hole too: it goes on trying while it samples.
        eventually(lambda: len(proxy.connections) > 1)
        agent.wait_line(TAKEN)
        proxy.heal()
        soon(agent, UP + " resumed=True")
        arrives(sandbox, device_id, agent, lost_links=2)


def test_a_broker_that_comes_and_goes(sandbox, tmp_path, device_id):
    with (
        FaultProxy(broker_of(sandbox)) as proxy,
        agent_of(sandbox, tmp_path / "d", device_id, proxy.port) as agent,
    ):
        soon(agent, UP)
        sandbox.post("/sandbox/broker/stop")
        soon(agent, LOST)
        agent.wait_line(TAKEN)
        sandbox.post("/sandbox/broker/start")
        soon(agent, UP + " resumed=True")
        # What it has on disk it still knows after the worst end; the sandbox starts another.
        for pid in sandbox.children():
            os.kill(pid, signal.SIGKILL)
        soon(agent, LOST)
        soon(agent, UP)
        # Cut off in the middle of a record, with the next one too.
        proxy.plan = Cut("up", after=1500, how="close")
        proxy.connections[-1].end("reset")
        soon(agent, LOST)
        soon(agent, UP)
        soon(agent, LOST)
        proxy.plan = None
        soon(agent, UP)
        arrives(sandbox, device_id, agent, lost_links=4)
