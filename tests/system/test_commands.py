"""Commands and settings to the whole agent, over a real sandbox and its broker."""

import json
import time

import downlink_rig as rig
import pytest
from sandbox_rig import eventually, running
from service_rig import services

CANARY = "canary-of-the-cellar"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    with running(tmp_path_factory.mktemp("sandbox")) as sandbox:
        sandbox.post("/datapoints", {"key": "temperature", "unit": "°C", "data_type": "number"})
        yield sandbox


@pytest.fixture
def device_of(sandbox, tmp_path):
    with services(sandbox, tmp_path) as make:
        yield make


@pytest.mark.parametrize("bits", ["64", "32"])
def test_every_command_is_answered(device_of, bits):
    device = device_of(f"all-{bits}", bits)
    record = device.ended(device.send("read_now"))
    assert record["state"] == "done" and 18 <= record["result"]["temperature"] <= 24
    record = device.ended(device.send("set_interval", interval_s=2))
    assert record["result"] == {"interval_s": 2} and device.settings()["interval_s"] == 2
    record = device.ended(device.send("get_config", keys=["interval_s", "mqtt_host"]))
    assert record["result"]["settings"]["interval_s"] == 2
    record = device.ended(device.send("get_logs", lines=3))
    assert len(record["result"]["lines"]) == 3
    for name, args, reason in (
        ("identify", {}, "no led_pin"),
        ("sync_time", {}, "this machine keeps its own time"),
        ("format_flash", {}, "name: unknown"),
        ("set_interval", {"interval_s": 0}, "interval_s: not in 1..86400"),
    ):
        record = device.ended(device.send(name, **args))
        assert (record["state"], record["reason"]) == ("refused", reason)
    record = device.ended(device.send("add_wifi", ssid="cellar", password=CANARY))
    assert record["reason"] == "this machine manages its network itself"
    said = json.dumps(rig.config(device.sandbox, device.device_id)) + "".join(device.agent.said)
    kept = [file for file in device.folder.rglob("*") if file.is_file()]
    assert CANARY not in said
    assert [file for file in kept if CANARY.encode() in file.read_bytes()] == []


def test_a_reboot_happens_once_and_is_done_afterwards(device_of):
    device = device_of("reboot")
    command_id = device.send("reboot")
    assert device.ended(command_id)["state"] == "done"
    assert device.starts == 2
    device.online()
    assert device.ended(device.send("read_now"))["state"] == "done"
    assert device.starts == 2


def test_one_killed_while_it_acts_tells_so_and_does_not_act_again(device_of):
    # The broker has to keep what is on its way: the session is persistent.
    device = device_of("killed", sensors=[{"kind": "simulated"}], interval_s=3600)
    # All of them at once: some are under way when it is killed.
    sent = [device.send("read_now", f"k{number}") for number in range(8)]
    eventually(lambda: rig.command(device.sandbox, "killed", sent[0])["state"] != "sent")
    device.kill()
    states = [device.ended(one)["state"] for one in sent]
    assert set(states) <= {"done", "interrupted"} and states[0] in ("done", "interrupted")
    assert device.starts == 2
    # A reading for each that is done, one per start, and what was taken as it was killed.
    eventually(lambda: device.sandbox.get("/sandbox/ledger/killed")["boots"])
    boots = device.sandbox.get("/sandbox/ledger/killed")["boots"]
    taken = sum(row["highest_seq"] + 1 for row in boots)
    assert taken <= 2 + len(sent)


def test_a_device_that_is_away_gets_its_commands_later_and_expired_ones_are_refused(
    sandbox, device_of
):
    device = device_of("away")
    device.end()
    eventually(lambda: sandbox.get("/devices/away")["is_online"], False)
    late = rig.send(sandbox, "away", name="read_now", id="late", expires_s=1)
    rig.send(sandbox, "away", name="read_now", id="good", expires_s=600)
    eventually(lambda: time.time() > late["not_after"] + 1)
    device._is_over = False
    device._start()
    assert device.ended("good")["state"] == "done"
    eventually(lambda: rig.command(sandbox, "away", "late")["reason"], "expired")


def test_a_profile_is_followed_and_topics_with_it(sandbox, device_of):
    device = device_of("follows")
    rig.apply(
        sandbox,
        "follows",
        reporting_interval_seconds=2,
        expected_topics=["devices/+/sensors/temperature"],
    )
    answer = eventually(lambda: (rig.config(sandbox, "follows")["answer"] or {}).get("keys"))
    assert answer == {"interval_s": "ok", "topics": "ok"}
    assert device.settings()["topics"] == ["devices/+/sensors/temperature"]
    path = "/devices/follows/telemetry/latest"
    before = sandbox.get(path)[0]
    eventually(lambda: sandbox.get(path)[0] != before)
    assert device.starts == 1


def test_what_needs_a_restart_is_told_first_and_a_bad_one_is_taken_back(sandbox, device_of):
    device = device_of("restarts")

    def answer():
        return (rig.config(sandbox, "restarts")["answer"] or {}).get("keys")

    sandbox.call("PUT", "/sandbox/devices/restarts/config", {"window": 4, "mqtt_port": 1})
    refused = "refused: over USB only"
    eventually(answer, {"window": "ok, restarts", "mqtt_port": refused})
    eventually(lambda: device.starts, 2)
    device.online()
    eventually(lambda: (device.folder / "config.last").read_text().count('"window": 4'), 1)
    nonsense = [{"kind": "nonsense"}]
    sandbox.call("PUT", "/sandbox/devices/restarts/config", {"sensors": nonsense})
    eventually(lambda: (answer() or {}).get("sensors"), "taken back: no session with it")
    assert "sensors" in device.settings() and device.settings()["sensors"] != nonsense
    device.online()
    assert device.ended(device.send("read_now"))["state"] == "done"


def test_a_message_of_any_size_is_answered_and_the_link_stays(sandbox, device_of):
    device = device_of("sizes")
    sizes = (1, 300, 700, 850, 900, 930, 960, 990, 1020, 1100, 4000, 30_000)
    for size in sizes:
        rig.send(sandbox, "sizes", name="read_now", args={"x": "y" * size}, id=f"s{size}")
    assert device.ended(device.send("read_now"))["state"] == "done"
    path = "/sandbox/devices/sizes/commands"
    for size in sizes:
        record = rig.command(sandbox, "sizes", f"s{size}")
        is_whole = size < 900
        assert (record["state"], record["reason"]) == (
            ("refused", "x: unknown") if is_whole else (record["state"], record["reason"])
        )
    strays = [one["metadata"] for one in sandbox.get(path)["unknown_answers"]]
    assert len(strays) >= 2 and {one["reason"] for one in strays} == {"oversize"}
    known = [size for size in sizes if rig.command(sandbox, "sizes", f"s{size}")["reason"]]
    assert len(known) + len(strays) == len(sizes)
    assert device.starts == 1


def test_a_flood_leaves_sampling_alone(sandbox, device_of):
    device = device_of("flood", budget_per_min=0)
    began = time.monotonic()
    for number in range(300):
        device.send("read_now", f"f{number}")
    took_s = time.monotonic() - began
    device.ended(device.send("get_config", keys=["rev"]), within_s=60)

    def answered():
        records = sandbox.get("/sandbox/devices/flood/commands?limit=100")["commands"]
        return [one["state"] for one in records]

    assert set(answered()) <= {"sent", "accepted", "done", "refused"}
    done = sum(
        rig.command(sandbox, "flood", f"f{number}")["state"] == "done" for number in range(300)
    )
    assert 0 < done <= 5 * (time.monotonic() - began) + 8
    missed = [line for line in device.agent.said if "samples_missed" in line]
    assert missed == [] and device.starts == 1, took_s
