"""Agents as a service runs them: started again when they end, known to a real sandbox."""

import contextlib
import json
import signal
import ssl
import threading
import time
from pathlib import Path

import agent_process
import downlink_rig as rig
from sandbox_rig import eventually


class Agent(agent_process.Agent):
    """One whose output is kept in said, and done with when it ends."""

    def start(self):
        self.said = getattr(self, "said", [])
        super().start()

    def _pump(self, process, lines):
        with contextlib.suppress(ValueError), process.stdout:
            for line in process.stdout:
                self.said.append(line.rstrip("\n"))
        lines.put(None)


class Device:
    """An agent that is started again when it ends, as a service is."""

    def __init__(self, sandbox, folder, device_id, bits, root, **config):
        login = sandbox.register(device_id)
        ca_der = ssl.PEM_cert_to_DER_cert(Path(sandbox.info["ca_file"]).read_text())
        host, port = sandbox.info["mqtt_host"], sandbox.info["mqtt_tls_port"]
        topics = {"commands_topic": "devices/+/commands", "config_topic": "devices/+/config"}
        everything = {"mqtt_host": host, "mqtt_port": port, **topics, **config}
        self.folder = folder
        self.sandbox = sandbox
        self.device_id = device_id
        self.starts = 0
        self.agent = Agent(folder, login, ca_der, everything, bits, root)
        self._is_over = False
        self._lock = threading.Lock()
        self._start()
        threading.Thread(target=self._serve, daemon=True).start()

    def _start(self):
        with self._lock:
            if not self._is_over:
                self.starts += 1
                self.agent.start()

    def _serve(self):
        while not self._is_over:
            process = self.agent.process
            process.wait()
            self._start()

    def kill(self):
        self.agent.process.send_signal(signal.SIGKILL)

    def end(self):
        with self._lock:
            self._is_over = True
        self.agent.kill()

    def online(self):
        eventually(lambda: self.sandbox.get(f"/devices/{self.device_id}")["is_online"], True)

    def send(self, name, command_id=None, **args):
        extra = {"id": command_id} if command_id else {}
        return rig.send(self.sandbox, self.device_id, name=name, args=args, **extra)["id"]

    def ended(self, command_id, within_s=agent_process.DEADLINE_S):
        """Return a command's record once it has its last answer."""
        deadline = time.monotonic() + within_s
        while True:
            record = rig.command(self.sandbox, self.device_id, command_id)
            if record["state"] in ("done", "refused", "interrupted"):
                return record
            assert time.monotonic() < deadline, record
            time.sleep(0.05)

    def settings(self):
        return json.loads((self.folder / "config.json").read_text())


@contextlib.contextmanager
def services(sandbox, folder, root=None):
    """Yield a function that starts a device and waits until it is online; all end afterwards.

    root is where the agent's modules are, None for the sources.
    """
    devices = []

    def make(device_id, bits="64", **config):
        device = Device(sandbox, folder / device_id, device_id, bits, root, **config)
        devices.append(device)
        device.online()
        return device

    try:
        yield make
    finally:
        for device in devices:
            device.end()
