"""A sandbox from its start to its end, and what it keeps: one process or more for each test."""

import json
import os
import signal
import socket
import subprocess
import time

import pytest
from sandbox_rig import COMMAND, DEADLINE_S, Device, eventually, running

ENV_WITHOUT_TOOLS = {**os.environ, "MOSQUITTO": "/nonexistent/mosquitto"}


def refused(*arguments, env=None):
    """Run a start that must fail. Returns its exit status and what it said on stderr."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
        env=env,
    )
    return done.returncode, done.stderr


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def readings(sandbox, device_id):
    boots = sandbox.get(f"/sandbox/ledger/{device_id}")["boots"]
    return sum(boot["delivered"] for boot in boots), sum(boot["duplicates"] for boot in boots)


def publish(device, device_id, seqs, boot=1):
    for seq in seqs:
        device.publish(f"devices/{device_id}/telemetry", {"boot": boot, "seq": seq})


def test_the_info_file_tells_how_to_reach_a_sandbox_that_is_ready(tmp_path):
    with running(tmp_path) as sandbox:
        info = sandbox.info
        assert set(info) == {
            "api_url",
            "api_key_file",
            "mqtt_host",
            "mqtt_tls_port",
            "ca_file",
            "pid",
        }
        assert info["pid"] == sandbox.process.pid
        assert info["api_url"].startswith("http://127.0.0.1:")
        # At once, without a second try: the file appears when everything answers.
        device = Device(sandbox, sandbox.register("d"))
        assert device.reason == "Success"
        device.leave()
        broker = sandbox.get("/credentials")["mqtt_broker"]
        assert (broker["host"], broker["tls_port"]) == ("127.0.0.1", info["mqtt_tls_port"])


def test_a_start_takes_under_two_seconds_of_its_own_time(tmp_path):
    with running(tmp_path) as sandbox:
        with open(f"/proc/{sandbox.process.pid}/stat") as file:
            ticks = file.read().rsplit(")", 1)[1].split()[11:13]
        # Processor time, so that a busy machine does not matter.
        assert sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK") < 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_everything(tmp_path, number):
    with running(tmp_path) as sandbox:
        children = sandbox.children()
        assert len(children) == 1
        device = Device(sandbox, sandbox.register("d"))
        assert sandbox.stop(number) == 0
        assert not any(map(is_alive, children))
        assert not sandbox.info_file.exists()
        assert sandbox.log_file.read_text().count("Traceback") == 0
        device.drop()


def test_the_broker_ends_when_the_sandbox_is_killed(tmp_path):
    with running(tmp_path) as sandbox:
        (broker,) = sandbox.children()
        sandbox.stop(signal.SIGKILL)
        eventually(lambda: is_alive(broker), False)


def test_everything_is_there_again_after_a_restart(tmp_path):
    with running(tmp_path) as sandbox:
        before = sandbox.info
        ca = (tmp_path / "state" / "ca.pem").read_bytes()
        login, gone = sandbox.register("d"), sandbox.register("gone")
        off = sandbox.register("off")
        sandbox.post("/datapoints", {"key": "t"})
        device = Device(sandbox, login)
        device.publish("devices/d/telemetry", {"t": 1})
        publish(device, "d", range(5))
        eventually(lambda: readings(sandbox, "d"), (5, 0))
        sandbox.call("DELETE", "/devices/gone")
        sandbox.call("PATCH", "/devices/off", {"is_active": False})
        key = sandbox.http.headers["X-API-Key"]
        sandbox.stop()
        device.drop()
    with running(tmp_path) as sandbox:
        assert sandbox.http.headers["X-API-Key"] == key
        assert sandbox.info["mqtt_tls_port"] == before["mqtt_tls_port"]
        assert (tmp_path / "state" / "ca.pem").read_bytes() == ca
        shown = sandbox.get("/devices/d")
        assert (shown["is_online"], shown["connection_status"]) == (False, "disconnected")
        assert readings(sandbox, "d") == (5, 0)
        assert sandbox.get("/devices/d/telemetry/latest")[0]["value"] == 1
        device = Device(sandbox, login)
        assert device.reason == "Success"
        device.leave()
        for other in (gone, off):
            stranger = Device(sandbox, other)
            assert stranger.reason == "Not authorized"
            stranger.leave()


def test_nothing_acknowledged_is_lost_when_the_sandbox_is_killed(tmp_path):
    """What was on its way into the database is neither lost nor taken for a duplicate."""
    with running(tmp_path) as sandbox:
        device = Device(sandbox, sandbox.register("d"))
        sent = device.publish_many(
            "devices/d/telemetry", [{"boot": 1, "seq": n} for n in range(3000)]
        )
        eventually(lambda: sum(one.is_published() for one in sent) > 500)
        sandbox.stop(signal.SIGKILL)
        eventually(lambda: device.is_up, False)
        acknowledged = [one.is_published() for one in sent].index(False)
        device.drop()
    with running(tmp_path) as sandbox:
        ledger = "/sandbox/ledger/d"
        eventually(lambda: sandbox.get(ledger)["boots"][0]["highest_seq"] >= acknowledged - 1)
        eventually(lambda: sandbox.get(ledger)["adds_up"])
        assert readings(sandbox, "d")[1] == 0


def test_the_broker_can_be_stopped_and_started_and_keeps_what_it_holds(tmp_path):
    with running(tmp_path) as sandbox:
        login = sandbox.register("d")
        top = "devices/d"
        device = Device(sandbox, login, clean=False)
        device.subscribe(f"{top}/commands")
        device.publish(f"{top}/status", {"status": "online"}, retain=True)
        publish(device, "d", range(20))
        eventually(lambda: sandbox.get("/devices/d")["is_online"])
        stopped = sandbox.post("/sandbox/broker/stop")
        assert stopped["running"] is False
        eventually(lambda: device.is_up, False)
        device.drop()
        with pytest.raises(OSError):
            Device(sandbox, login)
        assert sandbox.get("/devices/d")["is_online"] is False
        # What is decided while it is down holds when it is up.
        later, off = sandbox.register("later"), sandbox.register("off")
        sandbox.call("PATCH", "/devices/off", {"is_active": False})
        started = sandbox.post("/sandbox/broker/start")
        assert started == {"running": True, "mqtt_tls_port": sandbox.info["mqtt_tls_port"]}
        assert sandbox.post("/sandbox/broker/start") == started
        device = Device(sandbox, login, clean=False)
        # No new subscription: the session is the old one.
        device.publish(f"{top}/commands", {"id": "1"})
        eventually(lambda: device.messages, [(f"{top}/commands", b'{"id": "1"}')])
        device.subscribe(f"{top}/status")
        eventually(lambda: (f"{top}/status", b'{"status": "online"}') in device.messages)
        publish(device, "d", range(20, 40))
        eventually(lambda: readings(sandbox, "d"), (40, 0))
        for one, reason in ((later, "Success"), (off, "Not authorized")):
            other = Device(sandbox, one)
            assert other.reason == reason
            other.leave()
        device.leave()


def test_a_broker_that_dies_is_started_again_and_said_so(tmp_path):
    with running(tmp_path) as sandbox:
        login = sandbox.register("d")
        (broker,) = sandbox.children()
        os.kill(broker, signal.SIGKILL)
        eventually(lambda: sandbox.children() not in ([], [broker]))

        def can_connect():
            try:
                device = Device(sandbox, login)
            except OSError:
                return False
            publish(device, "d", range(3))
            device.leave()
            return device.reason == "Success"

        eventually(can_connect)
        eventually(lambda: readings(sandbox, "d")[0], 3)
        assert "the broker ended by itself" in sandbox.log_file.read_text()
        new = sandbox.register("new")
        device = Device(sandbox, new)
        assert device.reason == "Success"
        device.leave()


def test_a_second_sandbox_on_the_same_state_refuses_in_one_line(tmp_path):
    with running(tmp_path) as sandbox:
        state = str(tmp_path / "state")
        info = str(sandbox.info_file)
        status, said = refused("--state", state, "--port", "0", "--info-file", info)
        assert status == 1
        assert said.count("\n") == 1
        assert f"pid {sandbox.process.pid}" in said
        assert "--state" in said
        assert sandbox.info_file.exists()
        assert sandbox.get("/devices")["total"] == 0


def test_a_port_that_is_taken_is_named_with_the_remedy(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        state = ["--state", str(tmp_path / "state")]
        status, said = refused(*state, "--port", port)
        assert (status, said.count("\n")) == (1, 1)
        assert port in said and "--port" in said
        status, said = refused(*state, "--port", "0", "--mqtt-port", port)
        assert (status, said.count("\n")) == (1, 1)
        assert port in said and "--mqtt-port" in said


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "a b", "", "-x"])
def test_a_host_no_board_can_connect_to_is_refused(tmp_path, host):
    status, said = refused("--state", str(tmp_path / "s"), f"--host={host}")
    assert (status, said.count("\n")) == (2, 1)
    assert not (tmp_path / "s").exists()


def test_an_info_file_in_no_folder_is_refused_before_anything_is_made(tmp_path):
    info = str(tmp_path / "no" / "info")
    status, said = refused("--state", str(tmp_path / "s"), "--info-file", info)
    assert (status, said.count("\n")) == (1, 1)
    assert not (tmp_path / "s").exists()


def test_a_broken_state_is_said_in_one_line(tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    (state / "sandbox.db").write_bytes(b"no database at all" * 100)
    status, said = refused("--state", str(state), "--port", "0")
    assert (status, said.count("\n")) == (1, 1)
    assert "sandbox.db" in said


def test_without_mosquitto_it_says_so_in_one_line(tmp_path):
    state = ["--state", str(tmp_path / "state"), "--port", "0"]
    status, said = refused(*state, env=ENV_WITHOUT_TOOLS)
    assert status == 1
    assert said.count("\n") == 1
    assert "mosquitto" in said


def test_the_broker_is_on_the_loopback_only_unless_it_is_opened(tmp_path):
    for arguments, address in ((), "127.0.0.1"), (("--host", "127.0.0.2"), "0.0.0.0"):
        with running(tmp_path, *arguments) as sandbox:
            assert listening(sandbox.info["mqtt_tls_port"]) == {address}
            api_port = int(sandbox.info["api_url"].rsplit(":", 1)[1])
            assert listening(api_port) == {"127.0.0.1"}
            # The certificate is good for the address that boards are told.
            assert sandbox.info["mqtt_host"] == (arguments[1] if arguments else "127.0.0.1")
            device = Device(sandbox, sandbox.register(f"d{len(arguments)}"))
            assert device.reason == "Success"
            device.leave()
            assert ("WARNING" in sandbox.log_file.read_text()) == bool(arguments)


def listening(port):
    """Return the IPv4 addresses on which something listens at port."""
    addresses = set()
    with open("/proc/net/tcp") as file:
        for line in file.readlines()[1:]:
            local, _, state = line.split()[1:4]
            address, number = local.split(":")
            if state == "0A" and int(number, 16) == port:
                addresses.add(socket.inet_ntoa(bytes.fromhex(address)[::-1]))
    return addresses


def test_no_secret_is_in_the_arguments_of_any_process_or_in_the_clear(tmp_path):
    with running(tmp_path) as sandbox:
        key = sandbox.http.headers["X-API-Key"]
        password = sandbox.register("d")[2]
        for pid in (sandbox.process.pid, *sandbox.children()):
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                arguments = file.read()
            assert key.encode() not in arguments and password.encode() not in arguments
        state = tmp_path / "state"
        assert state.stat().st_mode & 0o777 == 0o700
        for path in state.iterdir():
            assert path.stat().st_mode & 0o077 == 0, path
            assert password.encode() not in path.read_bytes(), path
        log = sandbox.log_file.read_text()
        assert key not in log and password not in log


def test_a_state_folder_with_a_space_in_its_name_works(tmp_path):
    folder = tmp_path / "my boards"
    folder.mkdir()
    with running(folder) as sandbox:
        device = Device(sandbox, sandbox.register("d"))
        assert device.reason == "Success"
        device.leave()


@pytest.mark.parametrize("later_s", [0, 0.03, 0.06, 0.09])
def test_a_stop_before_it_is_ready_leaves_nothing(tmp_path, later_s):
    arguments = ["--state", str(tmp_path / "s"), "--port", "0", "--info-file", str(tmp_path / "i")]
    process = subprocess.Popen([*COMMAND, *arguments], stderr=subprocess.DEVNULL)
    try:
        eventually((tmp_path / "s" / "mosquitto.conf").exists)
        time.sleep(later_s)  # the broker starts, the parts log in to it, the API opens
        process.send_signal(signal.SIGTERM)
        process.wait(DEADLINE_S)
    finally:
        process.kill()
        process.wait()
    assert not (tmp_path / "i").exists()
    with running(tmp_path) as sandbox:
        assert json.loads(sandbox.info_file.read_text())["pid"] == sandbox.process.pid
