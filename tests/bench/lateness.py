"""How late another task of the same program is while the network does its worst.

A task that wants to run every 20 ms beside the whole agent, in one process per fault, all
settings the defaults except short delays between two attempts, so that there are more of them.
Only what was late by a fault counts: each process is measured from its first attempt on.
"""

import json
import socket
import statistics
import time
from contextlib import ExitStack, contextmanager

from faultproxy import Cut, Dribble, FaultProxy, Mute, StopReading
from ground import DEVICE, ROOT, Device, micropython
from progress import say

_SECONDS = 12
_PLANS = {
    "refused": Cut("up", 0, "reset"),
    "silent in TLS": Mute("down"),
    "silent within the certificates": Mute("down", 400),
    "dribbled TLS": Dribble("down", 0.005),
    "silent after TLS": Mute("down", 2500),
    "half a record, then silence": Cut("down", 3000, "silence"),
    "dribbled readings": Dribble("up", 0.005, 2500),
    "not reading": StopReading("up", 2500),
}


def measure(ground, _last):
    late_us = {}
    with ExitStack() as stack:
        devices = {}
        for name, plan in _PLANS.items():
            proxy = stack.enter_context(FaultProxy(ground.broker.address))
            proxy.plan = plan
            devices[name] = stack.enter_context(_agent(ground, proxy.port))
        port = stack.enter_context(_deaf_port())
        devices["no answer to SYN"] = stack.enter_context(_agent(ground, port))
        nobody = stack.enter_context(_silent_name_server())
        devices["no answer to DNS"] = stack.enter_context(
            _agent(ground, ground.broker.port, mqtt_host="broker.example", dns_servers=[nobody])
        )
        proxy = stack.enter_context(FaultProxy(ground.broker.address))
        proxy.plan = Mute("down")
        plain = stack.enter_context(_plain(ground, proxy.port))
        time.sleep(_SECONDS)
        for name, device in devices.items():
            assert device.process.poll() is None, f"{name}: ended: {device.lines[-3:]}"
            late_us[name] = _turns(device)
            assert late_us[name], f"{name}: nothing was measured: {device.lines[-3:]}"
        is_held_up = not _turns(plain)
    for name, turns in late_us.items():
        say(f"lateness: {name}: p99 {_p99(turns):.1f} ms, most {max(turns) / 1000:.1f} ms")
    turns = [turn for some in late_us.values() for turn in some]
    figures = {
        "late_ms_p99_during_outage": round(_p99(turns), 1),
        "late_ms_max_during_outage": round(max(turns) / 1000, 1),
    }
    if is_held_up:  # for all the time that there was
        figures["late_ms_max_during_outage_umqtt_simple"] = _SECONDS * 1000
    return figures


def _agent(ground, port, **settings):
    _, config = ground.new_device(
        port, interval_s=1, retry_min_ms=100, retry_max_ms=1000, **settings
    )
    command = micropython(64, DEVICE / "ticker.py", "--config", config)
    return Device(command, {"MICROPYPATH": f"{ROOT}:{ROOT}/lib:.frozen"})


def _plain(ground, port):
    order = ground.folder / "plain.json"
    ca = str(ground.ca_file)
    order.write_text(json.dumps({"host": "localhost", "port": port, "ca": ca, "user": "plain"}))
    command = micropython(64, DEVICE / "ticker.py", "umqtt_simple", order)
    return Device(command, {"MICROPYPATH": f"{DEVICE}:{ROOT}/lib:.frozen"})


@contextmanager
def _deaf_port():
    """A port whose queue is full: the kernel answers no further connection."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = []
        for _ in range(4):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
            waiting.append(sock)
        yield listener.getsockname()[1]
        for sock in waiting:
            sock.close()


@contextmanager
def _silent_name_server():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{sock.getsockname()[1]}"


def _turns(device):
    """Return how late each turn was, in us; the first second is the program's start."""
    lines = [line for line in list(device.lines) if line.startswith("late ")]
    return [turn for line in lines[1:] for turn in json.loads(line[5:])]


def _p99(turns):
    """Return the 99th percentile in ms."""
    return statistics.quantiles(turns, n=100)[98] / 1000
