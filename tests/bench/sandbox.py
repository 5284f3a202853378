"""How fast the sandbox takes in what devices publish, beside one who only counts it.

Both are stopped by a signal while the messages pile up in the same mosquitto with the same
configuration, then let go: so the sender costs them nothing. A message is a numbered reading of
two values; the sandbox keeps its values, its account and its count, the other one does not even
read it.
"""

import json
import signal
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

from ground import Device as Process
from progress import until
from sandbox_rig import Device, running

_DEVICES = 5
_EACH = 2000
_WITHIN_S = 120
_POLL_S = 0.02
_BARE = Path(__file__).with_name("bare_subscriber.py")


def measure(ground, _last):
    rates = {"": _sandbox(ground.folder), "_bare": _bare(ground.folder)}
    figures = {f"ingest_msgs_per_s{suffix}": round(rate) for suffix, rate in rates.items()}
    return {"sandbox_ingest_ratio": round(rates[""] / rates["_bare"], 3), **figures}


def _names():
    return [f"d{number}" for number in range(_DEVICES)]


def _sandbox(folder):
    """Return the messages a second of the sandbox, from its being let go to the last one kept."""
    with running(_made(folder / "ingest")) as sandbox:
        for key in ("temperature", "humidity"):
            sandbox.post("/datapoints", {"key": key, "data_type": "number"})
        logins = [sandbox.register(name) for name in _names()]

        def kept():
            return sum(sandbox.get(f"/devices/{name}")["messages_24h"] for name in _names())

        return _drained(sandbox, logins, sandbox.process, kept)


def _bare(folder):
    logins = {name: f"password-of-{name}" for name in _names()}
    command = [sys.executable, str(_BARE), str(_made(folder / "bare")), json.dumps(logins)]
    with Process(command) as process:
        until(lambda: process.lines, _WITHIN_S, "the bare subscriber")
        sandbox = SimpleNamespace(info=json.loads(process.lines[0]))
        triples = [(name, name, secret) for name, secret in logins.items()]
        return _drained(sandbox, triples, process.process, lambda: int(process.lines[-1]))


def _made(folder):
    folder.mkdir()
    return folder


def _drained(sandbox, logins, process, count):
    """Let messages pile up while process stands still. Returns its rate when it goes on."""
    devices = [Device(sandbox, login) for login in logins]
    process.send_signal(signal.SIGSTOP)
    try:
        _publish(devices, logins)
    finally:
        process.send_signal(signal.SIGCONT)
    started_s = time.monotonic()
    deadline_s = started_s + _WITHIN_S
    while count() < _DEVICES * _EACH:
        if time.monotonic() > deadline_s:
            raise AssertionError(f"only {count()} messages were taken in {_WITHIN_S} s")
        time.sleep(_POLL_S)
    took_s = time.monotonic() - started_s
    for device in devices:
        device.leave()
    return _DEVICES * _EACH / took_s


def _publish(devices, logins):
    def send(device, name):
        topic = f"devices/{name}/telemetry"
        readings = [
            {"boot": 1, "seq": seq, "temperature": seq / 10, "humidity": seq % 100}
            for seq in range(_EACH)
        ]
        for message in device.publish_many(topic, readings):
            message.wait_for_publish(_WITHIN_S)

    threads = [
        threading.Thread(target=send, args=(device, login[1]))
        for device, login in zip(devices, logins, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
