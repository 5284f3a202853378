"""A real sandbox process and devices that speak to it as paho clients, for the tests here."""

import contextlib
import json
import signal
import ssl
import subprocess
import sys
import time

import httpx
import paho.mqtt.client as paho

DEADLINE_S = 15
STEP_S = 0.02
COMMAND = [sys.executable, "-c", "from ways_device.cli import main; main()", "sandbox", "start"]


def eventually(ask, wanted=True, within_s=DEADLINE_S):
    """Wait until ask() returns wanted (True: anything true). Returns what it returned."""
    deadline = time.monotonic() + within_s
    while True:
        answer = ask()
        if (wanted is True and answer) or answer == wanted:
            return answer
        assert time.monotonic() < deadline, f"still {answer!r}, wanted {wanted!r}"
        time.sleep(STEP_S)


class Sandbox:
    """`ways-device sandbox start` in a process of its own; ready when the constructor returns."""

    def __init__(self, folder, *arguments, command=COMMAND):
        self.folder = folder
        self.info_file = folder / "info.json"
        self.log_file = folder / "stderr.txt"
        # One that was killed leaves its file behind.
        self.info_file.unlink(missing_ok=True)
        state = ["--state", str(folder / "state")]
        info = ["--info-file", str(self.info_file)]
        with self.log_file.open("w") as log:
            self.process = subprocess.Popen(
                [*command, *state, "--port", "0", *info, *arguments], stderr=log
            )
        with contextlib.suppress(AssertionError):
            eventually(lambda: self.info_file.exists() or self.process.poll() is not None)
        if not self.info_file.exists():
            self.end()
            raise AssertionError(self.log_file.read_text())
        self.info = json.loads(self.info_file.read_text())
        with open(self.info["api_key_file"]) as file:
            key = file.read().strip()
        self.http = httpx.Client(base_url=self.info["api_url"], headers={"X-API-Key": key})

    def call(self, method, path, body=None):
        """Returns the JSON of a call that must succeed."""
        path = path if path.startswith("/sandbox") else f"/v1/iot{path}"
        answer = self.http.request(method, path, json=body)
        assert answer.is_success, (method, path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body=None):
        return self.call("POST", path, body)

    def register(self, device_id):
        """Returns the device's login, ready for Device()."""
        device = self.post("/devices", {"name": device_id, "device_id": device_id})
        names = ("mqtt_client_id", "mqtt_username", "mqtt_password")
        return tuple(device[name] for name in names)

    def children(self):
        """Return the pids of the processes it started."""
        path = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        with open(path) as file:
            return [int(pid) for pid in file.read().split()]

    def stop(self, number=signal.SIGTERM):
        """Returns the exit status."""
        self.http.close()
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_S)

    def end(self):
        """Leave nothing running, whatever went wrong."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(DEADLINE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if hasattr(self, "http"):
            self.http.close()


@contextlib.contextmanager
def running(folder, *arguments, **options):
    sandbox = Sandbox(folder, *arguments, **options)
    try:
        yield sandbox
    finally:
        sandbox.end()


class Device:
    """A client that connects when made. reason is what the broker answered, messages what came."""

    def __init__(self, sandbox, login, will=None, clean=True, keepalive_s=60, tls=None):
        client_id, username, password = login
        self.messages = []
        self.reason = None
        self.is_up = False
        self._client = paho.Client(
            paho.CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=clean,
            reconnect_on_failure=False,
        )
        self._client.username_pw_set(username, password)
        self._client.tls_set_context(tls or trusting(sandbox.info["ca_file"]))
        if will is not None:
            self._client.will_set(*will, qos=1, retain=True)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        host, port = sandbox.info["mqtt_host"], sandbox.info["mqtt_tls_port"]
        self._client.connect(host, port, keepalive_s)
        self._client.loop_start()
        eventually(lambda: self.reason is not None)

    def _on_connect(self, _client, _data, _flags, reason, _properties):
        self.is_up = not reason.is_failure
        self.reason = str(reason)

    def _on_disconnect(self, *_):
        self.is_up = False

    def _on_message(self, _client, _data, message):
        self.messages.append((message.topic, message.payload))

    def publish(self, topic, document, retain=False):
        """Send at QoS 1 and wait for the acknowledgement."""
        payload = document if isinstance(document, bytes) else json.dumps(document)
        sent = self._client.publish(topic, payload, qos=1, retain=retain)
        sent.wait_for_publish(DEADLINE_S)
        assert sent.is_published()

    def publish_many(self, topic, documents):
        """Hand all documents over without waiting. Returns what tells which were acknowledged."""
        return [self._client.publish(topic, json.dumps(one), qos=1) for one in documents]

    def subscribe(self, *topics):
        """Returns when the broker has answered."""
        answered = []
        self._client.on_subscribe = lambda *_: answered.append(True)
        self._client.subscribe([(topic, 1) for topic in topics])
        eventually(lambda: answered)

    def leave(self):
        """Disconnect in order."""
        self._client.disconnect()
        self.drop()

    def drop(self):
        """Let the connection break, as when the power goes."""
        self._client.loop_stop()
        if self._client._sock is not None:
            self._client._sock.close()


def trusting(ca_file, newest=None):
    """Return a context that trusts ca_file only and speaks at most TLS version newest."""
    context = ssl.create_default_context(cafile=ca_file)
    if newest is not None:
        context.maximum_version = newest
    return context
