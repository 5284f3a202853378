"""A thousand messages a second into the sandbox, for half a minute: every one must be kept.

Twenty devices with real clients send numbered readings at QoS 1 while rules watch them; then the
ledger, the telemetry and the count of messages must each have all of them. The planted fault is a
device that leaves one of its numbers out, which the ledger must miss.
"""

import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "system")]

from sandbox_rig import Device, eventually, running  # noqa: E402

NAME = "burst"
SECONDS = 50
LIMIT_S = 240
DEVICES = 20
RATE_PER_S = 1000
# A little faster than promised, so that the wait for the last acknowledgement is made up for.
PACE_PER_S = 1100
BURST_S = 30
LEFT_OUT = 7
# As the messages leave: a device sends its share of a step, then waits for the next.
STEP_S = 0.1
SETTLE_S = 60


def run(seed, scale, scratch):
    """Seed is not used: every message is checked."""
    each = max(100, round(RATE_PER_S * BURST_S * scale / DEVICES))
    with running(scratch) as sandbox:
        names = [f"burst-{number:02}" for number in range(DEVICES)]
        devices = [Device(sandbox, sandbox.register(name)) for name in names]
        planted = Device(sandbox, sandbox.register("planted"))
        _prepare(sandbox)
        took_s = _burst(devices, names, each)
        planted_seqs = [seq for seq in range(20) if seq != LEFT_OUT]
        for seq in planted_seqs:
            planted.publish("devices/planted/telemetry", _reading(seq))
        lost = [line for name in names for line in _lost(sandbox, name, each)]
        is_caught = _boot(sandbox, "planted", 19)["missing"] == [[LEFT_OUT, LEFT_OUT]]
        for device in [*devices, planted]:
            device.leave()
    rate = DEVICES * each / took_s
    if scale >= 1 and rate < RATE_PER_S:
        lost.append(f"only {rate:.0f} messages a second were sent: this machine is too busy")
    return {
        "tried": DEVICES * each,
        "failed": len(lost),
        "planted_caught": is_caught,
        "notes": [f"{rate:.0f} messages a second, acknowledged", *lost[:10]],
    }


def _prepare(sandbox):
    for key in ("temperature", "humidity"):
        sandbox.post("/datapoints", {"key": key, "data_type": "number"})
    datapoints = {item["name"]: item["id"] for item in sandbox.get("/datapoints")["datapoints"]}
    for key, datapoint_id in datapoints.items():
        config = {"datapoint_id": datapoint_id, "operator": "gt", "value": 1000}
        rule = {"name": f"{key} too high", "rule_type": "threshold", "config": config}
        sandbox.post("/rules", rule)


def _reading(seq):
    return {"boot": 1, "seq": seq, "temperature": seq / 10, "humidity": seq % 100}


def _burst(devices, names, each):
    """Send each device's readings at the agreed rate. Returns how long it took, acknowledged."""
    started_s = time.monotonic()
    sent = []
    done = 0
    while done < each:
        due = round((time.monotonic() - started_s + STEP_S) * PACE_PER_S / DEVICES)
        batch = [_reading(seq) for seq in range(done, min(due, each))]
        for device, name in zip(devices, names, strict=True):
            sent += device.publish_many(f"devices/{name}/telemetry", batch)
        done += len(batch)
        time.sleep(STEP_S)
    for message in sent:
        message.wait_for_publish(SETTLE_S)
    return time.monotonic() - started_s


def _boot(sandbox, name, highest):
    """Return the ledger's account once it has the highest seq."""

    def account():
        boots = sandbox.get(f"/sandbox/ledger/{name}")["boots"]
        return boots[0] if boots and boots[0]["highest_seq"] >= highest else None

    return eventually(account, within_s=SETTLE_S)


def _lost(sandbox, name, each):
    """Return what a device's account lacks."""
    boot = _boot(sandbox, name, each - 1)
    counted = sandbox.get(f"/devices/{name}")["messages_24h"]
    latest = {item["name"]: item["value"] for item in _latest(sandbox, name)}
    wanted = {"temperature": (each - 1) / 10, "humidity": (each - 1) % 100}
    checks = {
        "delivered": (boot["delivered"], each),
        "duplicates": (boot["duplicates"], 0),
        "missing": (boot["missing"], []),
        "messages": (counted, each),
        "latest": (latest, wanted),
    }
    return [
        f"{name}: {what} is {found}, not {right}"
        for what, (found, right) in checks.items()
        if found != right
    ]


def _latest(sandbox, name):
    return sandbox.get(f"/devices/{name}/telemetry/latest")
