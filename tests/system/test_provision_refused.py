"""Provisioning towards a broker that must not be trusted: named, and nothing is told to it."""

import contextlib

import pytest
from certificates import Authority
from tls_recorder import Recorder


@pytest.mark.parametrize(
    ("name", "days", "trusted", "said"),
    [
        ("127.0.0.1", 1, False, "the broker's certificate is of another authority"),
        ("elsewhere.test", 1, True, "the broker's certificate is for another name"),
        ("127.0.0.1", -2, True, "the broker's certificate has expired"),
    ],
)
def test_certificate_that_is_not_the_brokers_is_named_and_told_nothing(
    deployed, name, days, trusted, said
):
    root = Authority("Root")
    ca_file = deployed.folder / "root.pem"
    ca_file.write_bytes((root if trusted else Authority("Other")).pem)
    with contextlib.closing(Recorder(*root.server(deployed.folder, name, days))) as server:
        broker = ["--set", "mqtt_host=127.0.0.1", "--set", f"mqtt_port={server.port}"]
        done = deployed.provision("--ca-file", str(ca_file), *broker)
        assert any(server.raw)
        assert server.application_records() == 0
    assert done.returncode == 3
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith(f"ways-device: waiting for the first reading: {said}")
    # Without the wrong options the same command finishes, with the login it already has.
    done = deployed.provision()
    assert done.returncode == 0, done.stderr
    assert deployed.devices() == [deployed.device_id]


def test_board_without_any_time_server_gets_its_time_from_this_computer(deployed):
    deployed.control({"clock": 946684800})
    done = deployed.provision("--set", 'ntp_hosts=["127.0.0.1:9"]')
    assert done.returncode == 0, done.stderr
    latest = deployed.get(f"/v1/iot/devices/{deployed.device_id}/telemetry/latest")
    device = deployed.get(f"/v1/iot/devices/{deployed.device_id}")
    assert latest[0]["measured_at"][:13] == device["last_seen"][:13]
