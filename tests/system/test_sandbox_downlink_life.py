"""What becomes of commands and settings when the sandbox, or its broker, ends and begins again."""

import os
import signal

import pytest
from downlink_rig import apply, config, devices, heard, send
from sandbox_rig import eventually, running


@pytest.fixture
def connect():
    with devices() as connect:
        yield connect


def test_a_restart_keeps_commands_settings_and_what_waits(tmp_path, connect):
    with running(tmp_path) as sandbox:
        login = sandbox.register("d")
        device = connect(sandbox, login, clean=False)
        apply(sandbox, "d", reporting_interval_seconds=60)
        eventually(lambda: heard(device, "config"))
        device.drop()
        eventually(lambda: sandbox.get("/devices/d")["is_online"], False)
        sent = send(sandbox, "d", name="identify")
        before = config(sandbox, "d"), sandbox.get("/sandbox/devices/d/commands")
        sandbox.stop()
    with running(tmp_path) as sandbox:
        assert (config(sandbox, "d"), sandbox.get("/sandbox/devices/d/commands")) == before
        device = connect(sandbox, login, clean=False, topics=())
        eventually(lambda: [one["id"] for one in heard(device, "commands")], [sent["id"]])
        # The broker has kept the settings: they are not told anew.
        assert heard(device, "config") == []


def test_settings_that_the_broker_lost_or_missed_are_put_right_at_the_next_start(
    tmp_path, connect
):
    with running(tmp_path) as sandbox:
        logins = {name: sandbox.register(name) for name in ("a", "b", "gone")}
        for name in logins:
            apply(sandbox, name, reporting_interval_seconds=60)
        seen = connect(sandbox, logins["gone"])
        eventually(lambda: heard(seen, "config"))
        sandbox.post("/sandbox/broker/stop")
        sandbox.call("DELETE", "/devices/gone")
        sandbox.call("PUT", "/sandbox/devices/a/config", {"interval_s": 5})
        assert (
            sandbox.http.post("/sandbox/devices/a/commands", json={"name": "x"}).status_code == 503
        )
        sandbox.post("/sandbox/broker/start")
        again = sandbox.register("gone")
        wanted = {"a": {"rev": 2, "interval_s": 5}, "b": {"rev": 1, "interval_s": 60}}
        for name, document in wanted.items():
            device = connect(sandbox, logins[name])
            eventually(lambda device=device: heard(device, "config")[-1:], [document])
        # What is told last comes last: the one that is gone has been looked after.
        sandbox.call("PUT", "/sandbox/devices/b/config", {"interval_s": 30})
        wanted["b"] = {"rev": 2, "interval_s": 30}
        eventually(lambda: heard(device, "config")[-1], wanted["b"])
        reborn = connect(sandbox, again)
        send(sandbox, "gone", name="identify")
        eventually(lambda: heard(reborn, "commands"))
        assert heard(reborn, "config") == []
        (broker,) = sandbox.children()
        os.kill(broker, signal.SIGKILL)
        # As after a power cut that took all the broker had.
        eventually(lambda: broker not in sandbox.children())
        sandbox.stop()
        (tmp_path / "state" / "mosquitto.db").unlink()
    with running(tmp_path) as sandbox:
        for name, document in wanted.items():
            device = connect(sandbox, logins[name])
            eventually(lambda device=device: heard(device, "config")[-1:], [document])
