"""What every measurement stands on: a broker, one who listens there, devices as processes."""

import json
import os
import subprocess
import threading
import time
from pathlib import Path

from agent_process import identity
from broker import Broker, Listener
from certificates import Authority

ROOT = Path(__file__).resolve().parents[2]
DEVICE = Path(__file__).resolve().parent / "device"
_STOP_S = 10


class Device:
    """A MicroPython process; lines is what it printed, times when (monotonic s)."""

    def __init__(self, command, environment=None, folder=ROOT):
        self.lines = []
        self.times = []
        self.process = subprocess.Popen(
            [str(word) for word in command],
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._pump = threading.Thread(target=self._read, daemon=True)
        self._pump.start()

    def _read(self):
        for line in self.process.stdout:
            self.times.append(time.monotonic())
            self.lines.append(line.rstrip("\n"))

    def said(self, text):
        """Return the last line that has this text, None if there is none."""
        return next((line for line in reversed(list(self.lines)) if text in line), None)

    def cpu_us(self):
        """Return the CPU time the process has had, its own and the kernel's for it."""
        return int(Path(f"/proc/{self.process.pid}/schedstat").read_text().split()[0]) // 1000

    def answer(self, within_s):
        """Return the JSON object that the process prints as its last word."""
        try:
            self.process.wait(within_s)
            self._pump.join(_STOP_S)
            return json.loads(self.lines[-1])
        except (subprocess.TimeoutExpired, IndexError, ValueError) as exc:
            raise AssertionError("no answer from the device:\n" + "\n".join(self.lines)) from exc
        finally:
            self.stop()

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(_STOP_S)
        self._pump.join(_STOP_S)
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Ground:
    """The broker, its listener and a folder, for the time of one run."""

    def __init__(self, folder):
        self.folder = folder
        self.authority = Authority("Bench CA")
        self.ca_file = folder / "ca.der"
        self.ca_file.write_bytes(self.authority.der)
        self.broker = Broker(folder / "broker", self.authority)
        self.listener = Listener(self.broker)
        self._count = 0

    def __enter__(self):
        self.broker.start()
        self.listener.start()
        return self

    def __exit__(self, *_):
        self.listener.stop()
        self.broker.stop()

    def new_device(self, port, **settings):
        """Return (device id, path of its config) of a device that has its folder and login."""
        self._count += 1
        device_id = f"device-{self._count}"
        folder = self.folder / device_id
        folder.mkdir()
        login = (device_id, device_id, "a-password-of-24-letters")
        (folder / "identity.0").write_bytes(identity(login, self.authority.der))
        config = {
            "rev": 1,
            "mqtt_host": "localhost",
            "mqtt_port": port,
            "sensors": [{"kind": "simulated"}],
            "telemetry_sequence": True,
        }
        path = folder / "config.json"
        path.write_text(json.dumps({**config, **settings}))
        return device_id, path


def micropython(bits, *arguments, heap_kb=None):
    """Return the command that runs MicroPython on these arguments."""
    words = [os.environ["MICROPYTHON" if bits == 64 else "MICROPYTHON32"]]
    return [*words, *(["-X", f"heapsize={heap_kb}k"] if heap_kb else []), *arguments]


def can_run_32_bit():
    return "MICROPYTHON32" in os.environ
