"""From the broker being reachable again to the acknowledgement of the first new reading.

Several agents at a time, each with its own luck in the random delays; the median counts, and the
slowest is told too. All settings are the defaults except a reading a second and a keepalive of
30 s. A reading is new when it was taken after the broker was reachable, so up to one second of
each figure is the wait for the sensor's turn. The broker acknowledges a reading when it passes it
on, so its arrival at the listener is taken for the acknowledgement.
"""

import json
import re
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

from broker import Broker, Listener
from faultproxy import Cut, FaultProxy
from ground import DEVICE, ROOT, Device, micropython
from progress import say, until

_AGENTS = 6
_RESTART_S = 5
_HOLE_S = 20
_START_S = 30
_WITHIN_S = 45
_TAKEN = re.compile(r"taken.* (?:seq=)?(\d+)$")


def measure(ground, _last):
    faults = (broker_restart, black_hole, forgotten_flow)
    figures = {}
    with ThreadPoolExecutor(len(faults)) as pool:
        for found in pool.map(lambda fault: fault(ground), faults):
            figures.update(found)
    return figures


def broker_restart(ground):
    broker = Broker(ground.folder / "restarted", ground.authority)
    broker.start()
    listener = Listener(broker)
    listener.start()

    def fault(proxy):
        proxy.plan = Cut("up", 0, "reset")
        listener.stop()
        broker.stop()
        time.sleep(_RESTART_S)
        broker.start()
        # Nothing must pass before somebody listens: for the devices the broker is still away.
        listener.start()
        proxy.plan = None

    try:
        return _recovered(ground, broker, listener, "broker_restart", fault)
    finally:
        listener.stop()
        broker.stop()


def black_hole(ground):
    def fault(proxy):
        proxy.black_hole()
        time.sleep(_HOLE_S)
        proxy.heal()

    return _recovered(ground, ground.broker, ground.listener, "black_hole", fault)


def forgotten_flow(ground):
    return _recovered(ground, ground.broker, ground.listener, "forgotten_flow", FaultProxy.forget)


def _recovered(ground, broker, listener, name, fault):
    """Start devices, do that to their links, and see how long each one needs afterwards."""
    with FaultProxy(broker.address) as proxy:
        clients = [_agent(ground, proxy) for _ in range(_AGENTS)] + [_plain(ground, proxy, name)]
        try:
            for _, device_id in clients:
                arrivals = listener.of(device_id)
                until(lambda seen=arrivals: len(seen.all) >= 2, _START_S, "the first readings")
            fault(proxy)
            since_s = time.monotonic()
            end_s = since_s + _WITHIN_S
            took_s = [
                _first_new(device, listener.of(device_id), since_s, end_s)
                for device, device_id in clients
            ]
        finally:
            for device, _ in clients:
                device.stop()
    ours, theirs = took_s[:-1], took_s[-1]
    assert None not in ours, f"{name}: no new reading within {_WITHIN_S} s"
    figures = {
        f"recovery_s_{name}": round(statistics.median(ours), 2),
        f"recovery_s_{name}_max": round(max(ours), 2),
    }
    if theirs is None:  # no figure: it would wait for as long as the kernel does
        say(f"recovery: {name}: umqtt.simple does not come back within {_WITHIN_S} s")
        return figures
    return {**figures, f"recovery_s_{name}_umqtt_simple": round(theirs, 2)}


def _agent(ground, proxy):
    device_id, config = ground.new_device(proxy.port, interval_s=1, keepalive_s=30, log_level="D")
    return Device(micropython(64, "main.py", "--config", config)), device_id


def _plain(ground, proxy, name):
    user = f"plain-{name}"
    order = ground.folder / f"{user}.json"
    ca = str(ground.ca_file)
    order.write_text(json.dumps({"host": "localhost", "port": proxy.port, "ca": ca, "user": user}))
    command = micropython(64, DEVICE / "retry.py", order)
    return Device(command, {"MICROPYPATH": f"{DEVICE}:{ROOT}/lib:.frozen"}), user


def _first_new(device, arrivals, since_s, end_s):
    """Return the seconds until a reading that was taken since then has arrived, None for never."""
    while True:
        taken = zip(list(device.times), list(device.lines), strict=False)
        new = {
            int(match[1])
            for when, line in taken
            if when >= since_s and (match := _TAKEN.search(line))
        }
        came = [when for when, row in list(arrivals.all) if row["seq"] in new and when >= since_s]
        if came:
            return min(came) - since_s
        if time.monotonic() > end_s:
            return None
        time.sleep(0.05)
