"""How long a sleeper is awake, for a sample and for a delivery, and with what.

The whole agent as it is deployed, on the 32-bit interpreter, TLS verified. Each wake is a process
of its own, from its start to its end; the board file of the bench keeps RTC memory in between
(device/sleepboard.py). Side by side with plain umqtt.simple that connects, publishes as many
messages with QoS 1, and disconnects.
"""

import json
import os
import re
import statistics
import struct
import subprocess
import time

from ground import DEVICE, can_run_32_bit, micropython
from image import add_device_file, add_stock_rom, build, compiled
from progress import say, until
from timeserver import time_server

_EVERY = 4  # samples for each delivery
_ROUNDS = 7
_HEAP_KB = 128
_WAKE_S = 30
# As sleeper.py keeps them in RTC memory, behind what retained.py has.
_PARTS = ("boot", "sample", "join", "login", "deliver", "leave")
_PARTS_AT = 36 + 20
_SLEPT = re.compile(r"sleep_began awake_ms=(\d+) for_ms=\d+ waiting=(\d+)")


def measure(ground, _last):
    if not can_run_32_bit():
        say("awake: this machine cannot run the 32-bit interpreter")
        return {}
    rows = {"sample": [], "connect": [], "connect_umqtt_simple": []}
    sleeper, plain = Sleeper(ground), Plain(ground)
    with time_server() as address:
        sleeper.begin(address)
        for _ in range(_ROUNDS * _EVERY):
            kind, row = sleeper.wake()
            rows[kind].append(row)
            if kind == "connect":
                rows["connect_umqtt_simple"].append(plain.wake(row.pop("messages")))
    assert len(rows["connect"]) == _ROUNDS, rows
    figures = {}
    for kind, own in rows.items():
        what, _, suffix = kind.partition("_")
        suffix = suffix and "_" + suffix
        for part in own[0]:
            name = part and f"_{part}"
            key = f"awake_ms_{what}{name}{suffix}"
            figures[key] = round(statistics.median(row[part] for row in own))
    return figures


def _run(folder, *words):
    """Live through one wake of a folder; return (lines it printed, how long it took in ms)."""
    command = micropython(32, "-m", "romboot", *words, heap_kb=_HEAP_KB)
    started_s = time.monotonic()
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "MICROPYPATH": ".:.frozen"},
        capture_output=True,
        text=True,
        timeout=_WAKE_S,
        check=False,
    )
    took_ms = (time.monotonic() - started_s) * 1000
    lines = (done.stdout + done.stderr).splitlines()
    assert done.returncode == 0, lines
    return lines, took_ms


class Sleeper:
    """The agent's side: wake() is one of its cycles."""

    def __init__(self, ground):
        self._ground = ground
        self._folder = build(
            ground.folder / "sleeper", with_umqtt=False, board_file="sleepboard.py"
        )
        add_stock_rom(self._folder)

    def begin(self, time_server_address):
        """Live through the start, which is no wake, until one is due that only samples."""
        device_id, self._config = self._ground.new_device(
            self._ground.broker.port,
            connect_every=_EVERY,
            log_level="D",
            ntp_hosts=[time_server_address],
        )
        self._arrivals = self._ground.listener.of(device_id)
        self._wake()
        while self.wake()[0] != "connect":
            pass

    def wake(self):
        """Return what it was, "sample" or "connect", and its parts in ms; "" is the whole."""
        before = self._count()
        lines, took_ms = self._wake()
        found = next(match for line in lines if (match := _SLEPT.search(line)))
        awake_ms = int(found[1])
        row = {"": took_ms, "boot": took_ms - awake_ms}
        if not any("session_up" in line for line in lines):
            return "sample", row
        assert found[2] == "0", lines
        memory = (self._config.parent / "rtc").read_bytes()
        parts = dict(zip(_PARTS, struct.unpack_from("<6H", memory, _PARTS_AT), strict=True))
        row |= {part: parts[part] for part in _PARTS[1:]}
        until(lambda: self._count() >= before + _EVERY, _WAKE_S, "the readings of a wake")
        # Beside the readings it tells its attributes and its status.
        return "connect", row | {"messages": _EVERY + 2}

    def _wake(self):
        near = os.path.relpath(self._config, self._folder)
        return _run(self._folder, "--config", near)

    def _count(self):
        return len(self._arrivals.all)


class Plain:
    """umqtt.simple's side, with the same heap and the same modules in the same places."""

    def __init__(self, ground):
        self._folder = ground.folder / "plain"
        self._folder.mkdir()
        add_stock_rom(self._folder)
        add_device_file("tlsshim.py", self._folder)
        compiled((DEVICE / "plainwake.py").read_text(), "main.py", self._folder)
        self._order = {
            "host": "localhost",
            "port": ground.broker.port,
            "ca": str(ground.ca_file),
            "user": "plain",
            "topic": "devices/plain/unheard-of",
            "payload": '{"temperature": 21.53, "timestamp": 1795392000, "boot": 3, "seq": 123}',
        }

    def wake(self, messages):
        order = self._folder / "order.json"
        order.write_text(json.dumps({**self._order, "count": messages}))
        lines, took_ms = _run(self._folder)
        parts = json.loads(lines[-1])
        return {"": took_ms, "boot": took_ms - sum(parts.values()), **parts}
