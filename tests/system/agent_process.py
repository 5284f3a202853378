"""The whole agent as `micropython main.py` in a process of its own, on a folder of its own."""

import base64
import contextlib
import json
import os
import queue
import re
import struct
import subprocess
import threading
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 20


class Agent:
    def __init__(self, folder, login, ca_der, config, bits="64", root=None):
        """login is (client id, user, password); config is merged over what every test wants.

        root is where main.py and the modules are, None for the sources.
        """
        self.folder = folder
        self.root = root
        folder.mkdir(exist_ok=True)
        (folder / "identity.0").write_bytes(identity(login, ca_der))
        everything = {
            "rev": 1,
            "interval_s": 1,
            "log_level": "D",
            "telemetry_sequence": True,
            "sensors": [{"kind": "simulated"}],
            "retry_min_ms": 100,
            "retry_max_ms": 1000,
        }
        (folder / "config.json").write_text(json.dumps(everything | config))
        self.program = os.environ["MICROPYTHON" if bits == "64" else "MICROPYTHON32"]
        self.lines = []
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            [
                self.program,
                str((self.root or ROOT) / "main.py"),
                "--config",
                str(self.folder / "config.json"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._queue = queue.Queue()
        threading.Thread(target=self._pump, args=(self.process, self._queue), daemon=True).start()

    def _pump(self, process, lines):
        with contextlib.suppress(ValueError):
            for line in process.stdout:
                lines.put(line.rstrip("\n"))
        lines.put(None)

    def wait_line(self, pattern, within_s=DEADLINE_S):
        """Return the match of the next line that the pattern is found in."""
        while True:
            try:
                line = self._queue.get(timeout=within_s)
            except queue.Empty:
                line = None
            assert line is not None, f"no line with {pattern!r} in:\n" + "\n".join(self.lines)
            self.lines.append(line)
            match = re.search(pattern, line)
            if match:
                return match

    def kill(self):
        """End it as a power cut does."""
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait(DEADLINE_S)
            self.process.stdout.close()


def identity(login, ca_der, wifi=()):
    """Return the bytes of an identity slot, written from its description, not by our own code."""
    client_id, username, password = login
    body = json.dumps(
        {
            "device_id": client_id,
            "username": username,
            "password": password,
            "client_id": client_id,
            "ca": base64.b64encode(ca_der).decode(),
            "wifi": list(wifi),
        }
    ).encode()
    data = struct.pack("<4sIH", b"WID1", 1, len(body)) + body
    return data + struct.pack("<I", zlib.crc32(data))


@contextlib.contextmanager
def running(*arguments, **options):
    agent = Agent(*arguments, **options)
    agent.start()
    try:
        yield agent
    finally:
        agent.kill()
