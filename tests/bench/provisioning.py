"""How long it takes from a board that is plugged in to its first reading, one board and eight.

Virtual boards, real mpremote, a sandbox on the same machine, a reading a second. Cold is a board
with MicroPython alone; for the other figure it has the agent already and gets identity and
settings. The bytes are those of both directions at the port, counted by a pty in between; beside
them what `mpremote fs cp -r` needs for the same files, and no more than them.
"""

import os
import select
import statistics
import subprocess
import sys
import threading
import time
import tty

from fleet_real import board, real_fleet

from ways_device.bytecode import device_files
from ways_device.resources import device_source

_RUNS = 3
_PORTS = 8
_WITHIN_S = 120


def measure(ground, _last):
    figures = {}
    with real_fleet(ground.folder / "single", 0) as fleet:
        cold, config, sizes = [], [], []
        for number in range(_RUNS):
            with board(ground.folder / f"cold{number}") as info, Tap(info["port"]) as tap:
                cold.append(_provision(fleet, tap.path, number))
                sizes.append(tap.count)
            with board(ground.folder / f"config{number}") as info:
                _checked(fleet.run("deploy", "--port", info["port"]))
                config.append(_provision(fleet, info["port"], number))
        figures["plug_to_reading_s_cold"] = round(statistics.median(cold), 2)
        figures["plug_to_reading_s_config"] = round(statistics.median(config), 2)
        figures["serial_bytes"] = min(sizes)
    figures |= _plain_copy(ground.folder / "plain")
    with real_fleet(ground.folder / "fleet", _PORTS) as fleet:
        done, took_s = fleet.provision()
        _checked(done)
        assert not fleet.wrong(), fleet.wrong()
        figures["boards_per_min_8_ports"] = round(_PORTS / took_s * 60, 1)
    return figures


def _provision(fleet, port, number):
    """Return how long `provision` takes, as the user sees it."""
    words = ["provision", "--name", f"Bench {number}", "--port", port, "--interval", "1"]
    words += ["--sandbox", str(fleet.info_file), "--wifi-file", str(fleet.wifi_file)]
    started_s = time.monotonic()
    _checked(fleet.run(*words, "--sensor", "simulated"))
    return time.monotonic() - started_s


def _checked(done):
    assert done.returncode == 0, done.stderr
    return done


def _plain_copy(folder):
    """Return bytes and seconds of a copy of the same files that checks nothing."""
    files = folder / "files"
    for file in device_files(device_source()):
        path = files / file.path.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.data)
    with board(folder / "board") as info, Tap(info["port"]) as tap:
        command = [sys.executable, "-m", "mpremote", "connect", tap.path, "fs", "cp", "-r"]
        # The names below the folder, to the board's own root.
        names = sorted(path.name for path in files.iterdir())
        started_s = time.monotonic()
        subprocess.run(
            [*command, *names, ":"],
            cwd=files,
            check=True,
            capture_output=True,
            timeout=_WITHIN_S,
        )
        took_s = time.monotonic() - started_s
        return {"serial_bytes_mpremote": tap.count, "copy_s_mpremote": round(took_s, 2)}


class Tap:
    """A second port that passes all on to the first, and counts it."""

    def __init__(self, port):
        self.count = 0
        self._board = os.open(port, os.O_RDWR | os.O_NOCTTY)
        self._own, self._host = os.openpty()
        for descriptor in (self._board, self._own, self._host):
            tty.setraw(descriptor)
        # Held open: between two hosts the port must stay raw.
        self.path = os.ttyname(self._host)
        self._wake, self._stop = os.pipe()
        self._pump = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._pump.start()
        return self

    def __exit__(self, *_):
        os.write(self._stop, b".")
        self._pump.join(5)
        for descriptor in (self._board, self._own, self._host, self._wake, self._stop):
            os.close(descriptor)

    def _run(self):
        other = {self._board: self._own, self._own: self._board}
        while True:
            ready = select.select([*other, self._wake], [], [])[0]
            if self._wake in ready:
                return
            for source in ready:
                data = os.read(source, 4096)
                self.count += len(data)
                while data:
                    data = data[os.write(other[source], data) :]
