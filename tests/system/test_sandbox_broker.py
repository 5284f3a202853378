"""Devices at the sandbox's real broker: who gets in, who hears what, what the platform then says.

One sandbox serves all tests here; each has devices of its own.
"""

import socket
import ssl
import time

import pytest
from sandbox_rig import Device, eventually, running, trusting

from ways_device.sandbox.certs import Certs


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with running(tmp_path_factory.mktemp("sandbox")) as sandbox:
        for key in ("temperature", "humidity"):
            sandbox.post("/datapoints", {"key": key, "data_type": "number"})
        yield sandbox


@pytest.fixture
def device_id(request):
    return request.node.name.replace("[", "-").replace("]", "")[-64:]


@pytest.fixture
def login(sandbox, device_id):
    return sandbox.register(device_id)


@pytest.fixture
def connect(sandbox):
    """Connect devices that are gone after the test."""
    made = []

    def connect(login, **options):
        made.append(Device(sandbox, login, **options))
        return made[-1]

    yield connect
    for device in made:
        device.leave()


def latest(sandbox, device_id):
    items = sandbox.get(f"/devices/{device_id}/telemetry/latest")
    return {item["name"]: item["value"] for item in items}


def test_what_a_device_publishes_is_read_back(sandbox, device_id, login, connect):
    device = connect(login)
    assert device.reason == "Success"
    top = f"devices/{device_id}"
    device.publish(f"{top}/status", {"status": "online", "battery_level": 87}, retain=True)
    device.publish(f"{top}/attributes", {"firmware_version": "1.2.3"}, retain=True)
    device.publish(f"{top}/telemetry", {"temperature": 22.5, "timestamp": int(time.time())})
    device.publish(f"{top}/sensors/humidity", {"humidity": 40})
    device.publish(f"{top}/events", {"event_type": "door", "metadata": {"open": True}})
    values = {"temperature": 22.5, "humidity": 40}
    eventually(lambda: latest(sandbox, device_id), values)
    shown = eventually(lambda: sandbox.get(f"/devices/{device_id}"))
    assert shown["is_online"] is True
    assert shown["connection_status"] == "connected"
    assert (shown["battery_level"], shown["firmware_version"]) == (87, "1.2.3")
    eventually(lambda: sandbox.get(f"/devices/{device_id}")["messages_24h"], 5)
    events = sandbox.get(f"/sandbox/devices/{device_id}/events")
    assert [event["metadata"] for event in events] == [{"open": True}]
    device.leave()
    eventually(lambda: sandbox.get(f"/devices/{device_id}")["is_online"], False)


def test_a_device_that_vanishes_is_offline_and_its_will_is_read(
    sandbox, device_id, login, connect
):
    will = (f"devices/{device_id}/status", b'{"status":"offline"}')
    device = connect(login, will=will)
    eventually(lambda: sandbox.get(f"/devices/{device_id}")["is_online"])
    device.drop()
    eventually(lambda: sandbox.get(f"/devices/{device_id}")["is_online"], False)
    details = f"/sandbox/devices/{device_id}"
    eventually(lambda: sandbox.get(details)["status"], {"status": "offline"})
    assert sandbox.get(f"/devices/{device_id}")["stability_score"] == 95


def test_only_the_right_login_gets_in(sandbox, device_id, login, connect):
    client_id, username, password = login
    other = sandbox.register(f"x{device_id}"[:64])
    wrong = [
        (client_id, username, "wrong"),
        (client_id, username, ""),
        (client_id, "nobody", password),
        (client_id, None, None),
        ("another-id", username, password),
        (other[0], username, password),
        (client_id, other[1], other[2]),
    ]
    for bad in wrong:
        assert connect(bad).reason == "Not authorized"
    assert connect(login).reason == "Success"


def test_a_stranger_cannot_cut_off_a_device(sandbox, device_id, login, connect):
    device = connect(login)
    eventually(lambda: sandbox.get(f"/devices/{device_id}")["is_online"])
    assert connect((login[0], login[1], "wrong")).reason == "Not authorized"
    device.subscribe(f"devices/{device_id}/commands")
    device.publish(f"devices/{device_id}/commands", {"id": "1"})
    eventually(lambda: device.messages)
    assert device.is_up
    assert sandbox.get(f"/devices/{device_id}")["is_online"] is True


def test_a_device_reaches_its_own_topics_only(sandbox, device_id, login, connect):
    victim_id = f"v{device_id}"[:64]
    victim = connect(sandbox.register(victim_id))
    spy = connect(login)
    spy.subscribe(
        "#",
        "+/+/#",
        "devices/#",
        "devices/+/telemetry",
        f"devices/{victim_id}/#",
        f"$share/g/devices/{victim_id}/#",
        "$SYS/#",
        "$CONTROL/#",
        f"devices/{device_id}/#",
    )
    victim.subscribe(f"devices/{victim_id}/commands")
    victim.publish(f"devices/{victim_id}/telemetry", {"temperature": 1})
    spy.publish(f"devices/{victim_id}/telemetry", {"temperature": 666})
    spy.publish(f"devices/{victim_id}/commands", {"id": "evil"})
    spy.publish("$CONTROL/dynamic-security/v1", {"commands": [{"command": "listClients"}]})
    # These come last: when they have arrived, everything before them would have.
    spy.publish(f"devices/{device_id}/telemetry", {"temperature": 2})
    victim.publish(f"devices/{victim_id}/telemetry", {"temperature": 3})
    eventually(lambda: latest(sandbox, device_id), {"temperature": 2})
    eventually(lambda: latest(sandbox, victim_id), {"temperature": 3})
    eventually(lambda: spy.messages)
    assert {topic for topic, _ in spy.messages} == {f"devices/{device_id}/telemetry"}
    assert victim.messages == []
    assert sandbox.get(f"/devices/{victim_id}")["messages_24h"] == 2


def test_a_deleted_device_is_thrown_out_for_good(sandbox, device_id, login, connect):
    device = connect(login)
    device.publish(f"devices/{device_id}/status", {"status": "online"}, retain=True)
    sandbox.call("DELETE", f"/devices/{device_id}")
    eventually(lambda: device.is_up, False)
    assert connect(login).reason == "Not authorized"
    assert sandbox.http.get(f"/v1/iot/devices/{device_id}").status_code == 404
    again = sandbox.register(device_id)
    assert again[2] != login[2]
    assert connect(login).reason == "Not authorized"
    reborn = connect(again)
    reborn.subscribe(f"devices/{device_id}/#")
    reborn.publish(f"devices/{device_id}/events", {"event_type": "reborn"})
    eventually(lambda: reborn.messages)
    # What it had retained in its former life is gone.
    assert [topic for topic, _ in reborn.messages] == [f"devices/{device_id}/events"]


def test_a_deactivated_device_is_out_until_it_is_activated(sandbox, device_id, login, connect):
    device = connect(login)
    path = f"/devices/{device_id}"
    sandbox.call("PATCH", path, {"is_active": False})
    eventually(lambda: device.is_up, False)
    assert connect(login).reason == "Not authorized"
    eventually(lambda: sandbox.get(path)["is_online"], False)
    sandbox.call("PATCH", path, {"is_active": True})
    assert connect(login).reason == "Success"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_devices_of_either_tls_version_get_in(sandbox, version, connect):
    login = sandbox.register(f"tls-{version}")
    tls = trusting(sandbox.info["ca_file"], newest=version)
    assert connect(login, tls=tls).reason == "Success"


def handshake(sandbox, ca_file, name):
    """Returns the common name in the broker's certificate."""
    address = ("127.0.0.1", sandbox.info["mqtt_tls_port"])
    context = trusting(ca_file)
    with (
        socket.create_connection(address, 5) as raw,
        context.wrap_socket(raw, server_hostname=name) as link,
    ):
        subject = dict(pair[0] for pair in link.getpeercert()["subject"])
    return subject["commonName"]


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_the_certificate_names_the_broker_by_name_and_address(sandbox, name):
    assert handshake(sandbox, sandbox.info["ca_file"], name) == "ways-device sandbox broker"


def test_a_client_that_trusts_another_ca_or_asks_for_another_name_refuses(sandbox, tmp_path):
    other = Certs(tmp_path, ["localhost"])
    for ca_file, name in ((other.ca_file, "localhost"), (sandbox.info["ca_file"], "example.com")):
        with pytest.raises(ssl.SSLCertVerificationError):
            handshake(sandbox, ca_file, name)


def test_a_message_over_the_limit_reaches_nobody_and_harms_nobody(
    sandbox, device_id, login, connect
):
    device = connect(login)
    device.publish(f"devices/{device_id}/telemetry", b'{"temperature": ' + b" " * 70_000 + b"1}")
    device.publish(f"devices/{device_id}/telemetry", {"temperature": 2})
    eventually(lambda: latest(sandbox, device_id), {"temperature": 2})
    assert sandbox.get(f"/devices/{device_id}")["messages_24h"] == 1


def test_the_ledger_finds_what_was_planted(sandbox, device_id, login, connect):
    device = connect(login)
    top = f"devices/{device_id}"

    def reading(boot, seq):
        device.publish(f"{top}/telemetry", {"temperature": seq, "boot": boot, "seq": seq})

    def event(event_type, **metadata):
        device.publish(f"{top}/events", {"event_type": event_type, "metadata": metadata})

    def opened(boot, next_seq, lost_from, lost_to, durable):
        event(
            "store_opened",
            boot=boot,
            next_seq=next_seq,
            lost_from=lost_from,
            lost_to=lost_to,
            last_durable=durable,
            dropped_total=0,
        )

    opened(1, 0, None, None, None)
    for seq in (0, 1, 2, 2, 4, 3, 9):  # 2 twice, 3 late, 5 to 8 not at all
        reading(1, seq)
    for _ in range(2):
        event("readings_dropped", boot=1, count=2, reason="full", **{"from": 5, "to": 6})
    opened(1, 12, 10, 11, None)
    reading(1, 12)
    opened(2, 0, None, None, {"boot": 1, "seq": 9})
    reading(2, 0)
    first = {
        "boot": 1,
        "highest_seq": 12,
        "delivered": 7,
        "duplicates": 1,
        "late": 1,
        "dropped": 2,
        "volatile": 2,
        "tail_unknown": True,
        "missing": [[7, 8]],
        "partial": 0,
        "flush_after_s": 60,
    }
    second = {
        "boot": 2,
        "highest_seq": 0,
        "delivered": 1,
        "duplicates": 0,
        "late": 0,
        "dropped": 0,
        "volatile": 0,
        "tail_unknown": False,
        "missing": [],
        "partial": 0,
        "flush_after_s": 60,
    }
    path = f"/sandbox/ledger/{device_id}"
    report = {"device_id": device_id, "boots": [first, second], "adds_up": False}
    eventually(lambda: sandbox.get(path), report)
    reading(1, 7)
    reading(1, 8)
    eventually(lambda: sandbox.get(path)["adds_up"])
