"""How fast a backlog leaves the log, with the message budget off."""

import shutil
import time

from faultproxy import Cut, FaultProxy
from ground import Device, micropython
from image import build
from progress import until

_SECOND_MS = 2
_FILL_S = 4
_WITHIN_S = 60
_RTT_S = 0.05


def measure(ground, _last):
    folder = build(ground.folder / "filling", second_ms=_SECOND_MS)
    with FaultProxy(ground.broker.address) as proxy:
        proxy.plan = Cut("up", 0, "reset")
        device_id, config = ground.new_device(proxy.port, interval_s=1, budget_per_min=0)
        with Device(micropython(64, "main.py", "--config", config), folder=folder):
            time.sleep(_FILL_S)  # then it ends as in a power cut: the log keeps what it has
        filled = config.parent.with_suffix(".filled")
        shutil.copytree(config.parent, filled)
        proxy.plan = None
        figures = _drained(ground, device_id, config, "")
        shutil.rmtree(config.parent)
        shutil.copytree(filled, config.parent)
        proxy.delay_s = _RTT_S / 2
        figures.update(_drained(ground, device_id, config, "_rtt50"))
    return figures


def _drained(ground, device_id, config, suffix):
    """Start the agent, whose next reading is far away; return its rate and the CPU of a reading.

    Of the CPU time the program's start is a part.
    """
    folder = build(ground.folder / "draining", second_ms=3_600_000)
    arrivals = ground.listener.of(device_id)
    arrivals.all.clear()
    arrivals.events.clear()
    with Device(micropython(64, "main.py", "--config", config), folder=folder) as device:
        until(lambda: arrivals.events, _WITHIN_S, "the event store_opened")
        last = arrivals.events[0][1]["metadata"]["last_durable"]
        assert last["seq"] >= 1000, f"a backlog of only {last['seq']} readings"

        def old():
            return {row["seq"]: when for when, row in list(arrivals.all) if row["boot"] < 2}

        until(lambda: len(old()) > last["seq"], _WITHIN_S, "the whole backlog")
        cpu_us = device.cpu_us()
    when = sorted(old().values())
    return {
        f"drain_readings_per_s{suffix}": round((len(when) - 1) / (when[-1] - when[0]), 1),
        f"drain_cpu_us_per_reading{suffix}": round(cpu_us / len(when), 1),
    }
