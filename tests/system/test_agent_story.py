"""The whole agent on Linux, against a real sandbox: what the platform shows, and counts."""

import ssl
from pathlib import Path

import agent_process
import pytest
from sandbox_rig import eventually, running


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with running(tmp_path_factory.mktemp("sandbox")) as sandbox:
        sandbox.post("/datapoints", {"key": "temperature", "unit": "°C", "data_type": "number"})
        yield sandbox


def agent_of(sandbox, folder, device_id, bits="64", **config):
    login = sandbox.register(device_id)
    ca_der = ssl.PEM_cert_to_DER_cert(Path(sandbox.info["ca_file"]).read_text())
    where = {"mqtt_host": sandbox.info["mqtt_host"], "mqtt_port": sandbox.info["mqtt_tls_port"]}
    return agent_process.running(folder, login, ca_der, where | config, bits=bits)


def ledger(sandbox, device_id):
    return sandbox.get(f"/sandbox/ledger/{device_id}")


def delivered(sandbox, device_id):
    return sum(row["delivered"] for row in ledger(sandbox, device_id)["boots"])


@pytest.mark.parametrize("bits", ["64", "32"])
def test_the_platform_shows_the_device_as_it_is(sandbox, tmp_path, bits):
    device_id = f"shown-{bits}"
    with agent_of(sandbox, tmp_path / "d", device_id, bits) as agent:
        agent.wait_line("I mqtt session_up")
        eventually(lambda: delivered(sandbox, device_id) >= 3)
        device = sandbox.get(f"/devices/{device_id}")
        assert device["is_online"] is True
        assert device["firmware_version"] == "0.1.0"
        assert device["messages_24h"] >= 5
        latest = sandbox.get(f"/devices/{device_id}/telemetry/latest")
        assert [row["name"] for row in latest] == ["temperature"]
        assert 18 <= latest[0]["value"] <= 24
    # Killed, not stopped: the broker speaks for it.
    eventually(lambda: sandbox.get(f"/devices/{device_id}")["is_online"], wanted=False)


def test_readings_of_an_outage_arrive_afterwards_once_and_in_order(sandbox, tmp_path):
    device_id = "outage"
    with agent_of(sandbox, tmp_path / "d", device_id) as agent:
        agent.wait_line("I mqtt session_up")
        sandbox.post("/sandbox/broker/stop")
        agent.wait_line("W mqtt session_failed")
        for _ in range(4):
            agent.wait_line("D sampler reading_taken")
        sandbox.post("/sandbox/broker/start")
        agent.wait_line("I mqtt session_up resumed=True")
        last = int(agent.wait_line(r"D sampler reading_taken boot=1 seq=(\d+)")[1])
        eventually(lambda: delivered(sandbox, device_id) > last)
        account = ledger(sandbox, device_id)
    assert account["adds_up"] is True
    (row,) = account["boots"]
    assert row["missing"] == [] and row["dropped"] == row["volatile"] == 0
    # What was on the way when the link broke may come twice, nothing else.
    assert row["duplicates"] <= 16


def test_what_the_store_could_not_hold_is_dropped_aloud_and_accounted_for(sandbox, tmp_path):
    device_id = "full"
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "data").write_text("where the log's folder should be")
    # Records of a dozen values, so that the front is full in some seconds.
    wave = [{"kind": "simulated", "key": f"k{number}"} for number in range(12)]
    options = {"front_bytes": 512, "sensors": wave}
    with agent_of(sandbox, tmp_path / "d", device_id, **options) as agent:
        agent.wait_line("E store log_unusable")
        agent.wait_line("I mqtt session_up")
        sandbox.post("/sandbox/broker/stop")
        agent.wait_line("W store reading_dropped .* reason=full", within_s=40)
        agent.wait_line("D sampler reading_taken")
        sandbox.post("/sandbox/broker/start")
        agent.wait_line("I mqtt session_up", within_s=30)
        last = int(agent.wait_line(r"D sampler reading_taken boot=1 seq=(\d+)")[1])

        def all_told():
            rows = ledger(sandbox, device_id)["boots"]
            return rows and rows[0]["delivered"] + rows[0]["dropped"] > last

        eventually(all_told)
        account = ledger(sandbox, device_id)
    assert account["adds_up"] is True
    assert account["boots"][0]["dropped"] >= 1


def test_after_a_power_cut_a_new_boot_begins_and_the_old_one_is_not_mixed_with_it(
    sandbox, tmp_path
):
    device_id = "cut"
    with agent_of(sandbox, tmp_path / "d", device_id) as agent:
        agent.wait_line("boot=1 seq=2")
        eventually(lambda: delivered(sandbox, device_id) >= 3)
        agent.kill()
        agent.start()
        agent.wait_line("boot=2 seq=1")
        eventually(lambda: delivered(sandbox, device_id) >= 5)
        account = ledger(sandbox, device_id)
    assert [row["boot"] for row in account["boots"]] == [1, 2]
    assert account["adds_up"] is True
    assert account["boots"][0]["tail_unknown"] is True


@pytest.mark.parametrize("bits", ["64", "32"])
def test_a_power_cut_in_an_outage_takes_only_what_was_not_in_flash_yet(sandbox, tmp_path, bits):
    device_id = f"dark{bits}"
    with agent_of(sandbox, tmp_path / "d", device_id, bits, flush_after_s=5) as agent:
        agent.wait_line("I mqtt session_up")
        agent.wait_line("D sampler reading_taken")
        sandbox.post("/sandbox/broker/stop")
        last = int(agent.wait_line(r"D sampler reading_taken boot=1 seq=(\d+)")[1])
        agent.wait_line(f"boot=1 seq={last + 9}$")
        agent.kill()
        agent.start()
        agent.wait_line("boot=2 seq=1$")
        sandbox.post("/sandbox/broker/start")
        agent.wait_line("I mqtt session_up", within_s=30)
        agent.wait_line("D sampler reading_taken")
        eventually(lambda: delivered(sandbox, device_id) >= last + 9 - 6 + 2)
        account = ledger(sandbox, device_id)
        flash = sorted(path.name for path in (tmp_path / "d" / "data").glob("*.log"))
    first, second = account["boots"]
    # Six: what is younger than five seconds, and one that was being taken.
    assert first["delivered"] >= last + 10 - 6, account
    assert first["missing"] == second["missing"] == [] and account["adds_up"] is True
    assert first["dropped"] == 0
    assert flash in ([], ["1.log"])


def test_a_wrong_password_is_refused_and_said(sandbox, tmp_path):
    login = sandbox.register("refused")
    ca_der = ssl.PEM_cert_to_DER_cert(Path(sandbox.info["ca_file"]).read_text())
    where = {"mqtt_host": sandbox.info["mqtt_host"], "mqtt_port": sandbox.info["mqtt_tls_port"]}
    wrong = (*login[:2], "not-the-password")
    with agent_process.running(tmp_path / "d", wrong, ca_der, where) as agent:
        agent.wait_line("W mqtt session_failed why=auth:")
        agent.wait_line("D sampler reading_taken")
    assert sandbox.get("/devices/refused")["is_online"] in (False, None)


@pytest.mark.parametrize("ca", [b"", b"junk"])
def test_an_authority_that_is_none_is_one_line(tmp_path, ca):
    login = ("d", "d", "p")
    with agent_process.running(tmp_path / "d", login, ca, {"mqtt_host": "127.0.0.1"}) as agent:
        agent.wait_line("E agent identity_unusable why=ca: ")
        assert agent.process.wait(10) == 1
    assert len(agent.lines) == 1


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        ({"config.json": b"{"}, "E agent config_unusable why=config: not JSON"),
        ({"config.json": b"{}"}, "E agent config_unusable why=mqtt_host: missing"),
        ({"identity.0": b"WID1junk"}, "E agent identity_unusable why=no identity"),
        ({"identity.0": None}, "E agent identity_unusable why=no identity"),
    ],
)
def test_nothing_to_run_with_is_one_line(tmp_path, damage, line):
    agent = agent_process.Agent(tmp_path, ("d", "d", "p"), b"", {"mqtt_host": "127.0.0.1"})
    for name, data in damage.items():
        (tmp_path / name).unlink()
        if data is not None:
            (tmp_path / name).write_bytes(data)
    agent.start()
    try:
        agent.wait_line(line)
        assert agent.process.wait(10) == 1
    finally:
        agent.kill()
    assert len(agent.lines) == 1
