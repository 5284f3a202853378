"""The least heap that the whole agent works in, and what it holds while nothing is on the way.

One trial is one process with a heap of so many KB: the real main.py and the default wire(), TLS
verified, one simulated sensor. It has to bring 200 readings to the broker, then take readings
through an outage for which the proxy refuses every connection, and bring at least 1,000 of those
too, with no gap and no MemoryError in what it printed.
"""

import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

from faultproxy import Cut, FaultProxy
from ground import Device, can_run_32_bit, micropython
from image import add_device_file, add_stock_rom, build, romfs
from progress import say, until
from search import least

KB = 1024
_IMAGES = {"least_heap_bytes_32bit": False, "least_heap_bytes_32bit_rom": True}  # is it a ROM?
_INTERVAL_MS = 3
_LIVE = 200
_BACKLOG = 1000
_OUTAGE_S = 1.5 * _BACKLOG * _INTERVAL_MS / 1000
_STAGE_S = 20
_REST_S = 10
_WINDOW = 16
_LOWEST_KB, _HIGHEST_KB = 16, 160
_AGAIN = 2
_CORES = 2


class FailedError(Exception):
    """The agent does not work in this heap; the message says why."""


class Image:
    """One way to have the agent's code."""

    def __init__(self, folder, is_rom):
        self._folder = folder
        if not is_rom:
            add_stock_rom(build(folder, second_ms=_INTERVAL_MS, with_umqtt=False))
            return
        folder.mkdir()
        content = build(folder / "content", second_ms=_INTERVAL_MS, with_script=False)
        romfs(content, folder / "rom")
        add_device_file("romboot.py", folder)

    def start(self, kb, config):
        """Return the process of this agent, in a heap of kb."""
        # Each word of the command line stays in the heap too.
        near = os.path.relpath(config, self._folder)
        command = micropython(32, "-m", "romboot", "--config", near, heap_kb=kb)
        return Device(command, {"MICROPYPATH": ".:.frozen"}, self._folder)


def measure(ground, last):
    """Return the figures; last is those of the run before, which tell where to look first."""
    if not can_run_32_bit():
        say("heap: this machine cannot run the 32-bit interpreter")
        return {}
    figures = {}
    with ThreadPoolExecutor(1) as beside:
        resting = beside.submit(at_rest, ground)  # it takes its time, and little else
        for key, is_rom in _IMAGES.items():
            image = Image(ground.folder / key, is_rom)
            figures[key] = KB * least_kb(ground, image, last.get(key, 0) // KB)
        return {**figures, **resting.result()}


def least_kb(ground, image, guess_kb):
    """Return the least heap in KB in which the agent works."""

    def attempt(sizes):
        with ThreadPoolExecutor(_CORES) as pool:
            outcomes = list(pool.map(lambda kb: trial(ground, image, kb), sizes))
        for kb, why in zip(sizes, outcomes, strict=True):
            say(f"heap: {kb} KB: {why or 'works'}")
            reasons.append(why)
        return [why is None for why in outcomes]

    reasons = []
    found = least(attempt, guess_kb, _LOWEST_KB, _HIGHEST_KB)
    assert found, f"the agent does not work at all: {reasons[-1]}"
    return found


def trial(ground, image, kb):
    """Return why the agent does not work in a heap of kb, None if it does."""
    with FaultProxy(ground.broker.address) as proxy:
        device_id, config = ground.new_device(
            proxy.port, interval_s=1, budget_per_min=0, retry_min_ms=100, retry_max_ms=1000
        )
        with image.start(kb, config) as device:
            try:
                _go_through(ground.listener.of(device_id), proxy, device)
            except FailedError as exc:
                return str(exc)
    return None


def _go_through(arrivals, proxy, device):
    def reach(ask, what):
        end_s = time.monotonic() + _STAGE_S
        while not ask():
            _check(device)
            if time.monotonic() > end_s:
                raise FailedError(f"{what}: not within {_STAGE_S} s; {device.lines[-1:]}")
            time.sleep(0.02)

    reach(lambda: len(arrivals.all) >= _LIVE, "readings while the link is up")
    proxy.plan = Cut("up", 0, "reset")
    for connection in list(proxy.connections):
        connection.end("reset")
    end_s = time.monotonic() + _OUTAGE_S
    reach(lambda: time.monotonic() > end_s, "the end of the outage")
    before = max(arrivals.seqs())
    proxy.plan = None

    def new():
        """Readings of which none was on the way when the outage began."""
        return [seq for seq in arrivals.in_order() if seq > before + _WINDOW]

    reach(new, "readings after the outage")
    # The live lane comes first: its first reading tells how many were taken in the outage.
    waiting = new()[0] - before
    assert waiting >= _BACKLOG, f"only {waiting} readings in the outage: is the machine busy?"
    wanted = set(range(before + waiting + 1))
    reach(lambda: wanted <= arrivals.seqs(), "the backlog")
    _check(device)


def _check(device):
    if device.said("MemoryError"):
        raise FailedError("MemoryError")
    if device.process.poll() is not None:
        raise FailedError(f"ended: {device.lines[-1:]}")


def at_rest(ground):
    """Return what the agent holds, and takes and drops each second, while it has nothing to do.

    A sensor of the bench's own tells: it is asked like any other, and reports the heap.
    """
    folder = build(ground.folder / "probed", with_umqtt=False)
    add_stock_rom(folder)
    add_device_file("probe.py", folder, "lib/firmware/sensors/")
    device_id, config = ground.new_device(
        ground.broker.port, sensors=[{"kind": "probe"}], interval_s=_REST_S
    )
    arrivals = ground.listener.of(device_id)
    near = os.path.relpath(config, folder)
    command = micropython(32, "-m", "romboot", "--config", near, heap_kb=256)
    with Device(command, {"MICROPYPATH": ".:.frozen"}, folder) as device:
        # The first two tell of the time in which the agent connects and tells its birth.
        until(lambda: len(arrivals.all) >= 5, 6 * _REST_S, "the readings of the heap")
        assert not device.said("MemoryError")
    rows = [reading for _, reading in arrivals.all][2:]
    return {
        "live_heap_bytes_32bit": int(statistics.median(row["live"] for row in rows)),
        "idle_heap_bytes_per_s_32bit": round(statistics.median(row["idle"] for row in rows)),
    }
