"""A broker and one who listens there.

The broker speaks TLS 1.2 at most, as the chip does, to the devices, and plain MQTT to the
listener, so that listening costs next to nothing.
"""

import contextlib
import getpass
import json
import os
import socket
import subprocess
import threading
import time
from collections import defaultdict

import paho.mqtt.client as paho
from progress import until

_START_S = 10

_BROKER = """\
{user}log_dest none
per_listener_settings false
allow_anonymous true
persistence false
set_tcp_nodelay true
max_inflight_messages 0
max_queued_messages 1000000
listener {plain} 127.0.0.1
listener {port} 127.0.0.1
certfile {chain}
keyfile {key}
"""
_OPENSSL = "openssl_conf=a\n[a]\nssl_conf=b\n[b]\nsystem_default=c\n[c]\nMaxProtocol=TLSv1.2\n"


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


class Broker:
    """mosquitto on two ports that stay the same over a restart."""

    def __init__(self, folder, authority):
        folder.mkdir()
        self.port, self.plain = _free_port(), _free_port()
        chain, key = authority.server(folder)
        self._config, openssl = folder / "mosquitto.conf", folder / "openssl.cnf"
        openssl.write_text(_OPENSSL)
        # Started as root it becomes another user, who cannot read our files.
        user = f"user {getpass.getuser()}\n" if os.geteuid() == 0 else ""
        self._config.write_text(
            _BROKER.format(user=user, plain=self.plain, port=self.port, chain=chain, key=key)
        )
        self._environment = {**os.environ, "OPENSSL_CONF": str(openssl)}
        self.address = ("127.0.0.1", self.port)

    def start(self):
        command = [os.environ["MOSQUITTO"], "-c", self._config]
        self._process = subprocess.Popen(
            command, env=self._environment, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until(self._answers, _START_S, "the broker's start")

    def stop(self):
        self._process.terminate()
        self._process.wait(_START_S)

    def _answers(self):
        with contextlib.suppress(OSError):
            for port in (self.plain, self.port):
                socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        return False


class Arrivals:
    """What came from one device: [(monotonic s, JSON object)], readings and events apart."""

    def __init__(self):
        self.all = []
        self.events = []

    def seqs(self):
        return set(self.in_order())

    def in_order(self):
        return [reading["seq"] for _, reading in list(self.all)]


class Listener:
    """Subscribed to what every device sends; of(device_id) tells what came from one of them."""

    def __init__(self, broker):
        self._by_device = defaultdict(Arrivals)
        self._is_ready = threading.Event()
        self._broker = broker

    def start(self):
        self._is_ready.clear()
        self._client = client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        client.on_message = self._take
        topics = [(f"devices/+/{kind}", 0) for kind in ("telemetry", "events")]
        client.on_connect = lambda *_: client.subscribe(topics)
        client.on_subscribe = lambda *_: self._is_ready.set()
        client.connect("127.0.0.1", self._broker.plain)
        client.loop_start()
        assert self._is_ready.wait(_START_S), "the listener cannot subscribe"

    def stop(self):
        self._client.disconnect()
        self._client.loop_stop()

    def of(self, device_id):
        return self._by_device[device_id]

    def _take(self, _client, _data, message):
        came_s = time.monotonic()
        with contextlib.suppress(ValueError):
            _, device_id, kind = message.topic.split("/")
            arrivals = self._by_device[device_id]
            kept = arrivals.all if kind == "telemetry" else arrivals.events
            kept.append((came_s, json.loads(message.payload)))
