"""A broker that is killed, ended or stopped every few seconds while agents report each second.

mosquitto keeps its sessions on disk and saves them after each change. Between its acknowledgement
of a reading and the bytes on the way to a subscriber nothing can get lost: before the agents are
let through to a broker, a subscriber is there, and mosquitto writes a message to it before it
acknowledges it. The subscriber asks for QoS 0, so it never writes: what a killed broker had
written is read to its end. A reading that it did not see was therefore lost by the agent.

After the last flap: every reading that an agent took is there, twice are at most a window of them
per lost link, no agent was started again, and the attempts to connect are few. The planted fault
is a third agent that sends some readings where nobody hears them.
"""

import collections
import contextlib
import getpass
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
ROOT = TESTS.parent
sys.path[:0] = [str(TESTS), str(TESTS / "system")]

import agent_process  # noqa: E402
import paho.mqtt.client as paho  # noqa: E402
from certificates import Authority  # noqa: E402
from faultproxy import FaultProxy  # noqa: E402

NAME = "flap"
SECONDS = 330
LIMIT_S = 500
FULL_S = 300
LEAST_S = 12
DEADLINE_S = 20
ARRIVE_S = 40
# One each second; a machine that is busy may cost the sampler one now and then.
READ_LEAST = 0.8
WINDOW = 16
RETRY_MAX_MS = 2000
# Each way; with the long ones a reading is on the way, or a login half done, when it happens.
DELAYS_S = (0, 0.02, 0.15, 0.3)
PORTS = range(20000, 30000)  # below those that systems take for outgoing connections
CONFIG = """\
{user}log_dest stderr
log_type error
listener {plain} 127.0.0.1
allow_anonymous true
max_inflight_messages 0
listener {tls} 127.0.0.1
allow_anonymous true
certfile {chain}
keyfile {key}
max_inflight_messages 100
persistence true
persistence_location {folder}/
autosave_on_changes true
autosave_interval 1
set_tcp_nodelay true
"""
LOSSY = """
import sys
here = __file__.rpartition("/")[0]
sys.path[:0] = [here, here + "/lib"]
from firmware.mqtt import Session

class Lossy(Session):
    count = 0

    def try_publish(self, topic, *rest):
        where = topic
        if "telemetry" in str(topic):
            Lossy.count += 1
            where = topic if Lossy.count % 3 else type(topic)(topic[:1]) + topic[1:3]
        return Session.try_publish(self, where, *rest)

import firmware.mqtt
firmware.mqtt.Session = Lossy
"""


class Broker:
    """mosquitto with one listener for agents and one for the subscriber."""

    def __init__(self, folder, authority):
        folder.mkdir()
        self._config = folder / "mosquitto.conf"
        self._log = folder / "mosquitto.log"
        self.plain, self.tls = free_ports(2)
        chain, key = authority.server(folder, "127.0.0.1")
        # Started as root it would become another user, who cannot read our files.
        user = f"user {getpass.getuser()}\n" if os.geteuid() == 0 else ""
        self._config.write_text(
            CONFIG.format(
                user=user, plain=self.plain, tls=self.tls, chain=chain, key=key, folder=folder
            )
        )
        self.process = None

    def start(self):
        with self._log.open("ab") as log:
            command = [os.environ["MOSQUITTO"], "-c", str(self._config)]
            self.process = subprocess.Popen(command, stderr=log)
        end_s = time.monotonic() + DEADLINE_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.tls), 1).close()
                return
            except ConnectionRefusedError:
                is_late = self.process.poll() is not None or time.monotonic() > end_s
                assert not is_late, self._log.read_text()
                time.sleep(0.02)

    def end(self, number):
        self.process.send_signal(number)
        self.process.send_signal(signal.SIGCONT)
        self.process.wait(DEADLINE_S)


class Subscriber:
    """Counts what one life of the broker delivers; is there when the constructor returns."""

    def __init__(self, port, seen):
        self._seen = seen
        self._ready = threading.Event()
        self._gone = threading.Event()
        self._client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, clean_session=True, reconnect_on_failure=False
        )
        self._client.on_connect = lambda *_: self._client.subscribe("devices/+/telemetry", 0)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_disconnect = lambda *_: self._gone.set()
        self._client.on_message = self._message
        self._client.connect("127.0.0.1", port, keepalive=3600)
        self._client.loop_start()
        assert self._ready.wait(DEADLINE_S)

    def _message(self, _client, _data, message):
        reading = json.loads(message.payload)
        device_id = message.topic.split("/")[1]
        self._seen[device_id][reading["boot"], reading["seq"]] += 1

    def close(self):
        """Return when all that an ended broker wrote has been counted."""
        assert self._gone.wait(DEADLINE_S)
        self._client.loop_stop()


class Flapper:
    """The broker, the gate to it, and what has come."""

    def __init__(self, folder, authority, rng):
        self._rng = rng
        self.seen = collections.defaultdict(collections.Counter)
        self.flaps = collections.Counter()
        self.broker = Broker(folder, authority)
        self._nobody = socket.socket()  # bound, and does not listen: it refuses
        self._nobody.bind(("127.0.0.1", 0))
        self.proxy = FaultProxy(self._nobody.getsockname())
        self._subscriber = None

    def __enter__(self):
        self.proxy.__enter__()
        return self

    def __exit__(self, *_):
        if self.broker.process and self.broker.process.poll() is None:
            self.broker.end(signal.SIGKILL)
        self.proxy.__exit__()
        self._nobody.close()

    def up(self):
        self.broker.start()
        self._subscriber = Subscriber(self.broker.plain, self.seen)
        self.proxy.target = ("127.0.0.1", self.broker.tls)

    def flap(self):
        """Have the broker fail once, in a way and for a time that the seed chooses."""
        self.proxy.delay_s = self._rng.choice(DELAYS_S)
        time.sleep(self._rng.uniform(1.5, 4))
        kind = self._rng.choice(["SIGKILL", "SIGTERM", "SIGSTOP"])
        self.flaps[kind] += 1
        if kind == "SIGSTOP":  # for long enough at times that it is taken for dead
            self.broker.process.send_signal(signal.SIGSTOP)
            time.sleep(self._rng.uniform(0.5, 8))
            self.broker.process.send_signal(signal.SIGCONT)
            return
        self.proxy.target = self._nobody.getsockname()
        self.broker.end(getattr(signal, kind))
        self._subscriber.close()
        time.sleep(self._rng.uniform(0.1, 2))
        self.up()

    def down(self):
        self.broker.end(signal.SIGTERM)
        self._subscriber.close()


class Watched:
    """An agent and what its log says."""

    def __init__(self, folder, device_id, bits, proxy, authority, tree=ROOT):
        self.device_id = device_id
        config = {
            "mqtt_host": "127.0.0.1",
            "mqtt_port": proxy.port,
            "keepalive_s": 10,
            "window": WINDOW,
            "retry_max_ms": RETRY_MAX_MS,
        }
        login = (device_id, device_id, "p")
        self.agent = agent_process.Agent(folder, login, authority.der, config, bits=bits)
        real, agent_process.ROOT = agent_process.ROOT, tree
        try:
            self.agent.start()
        finally:
            agent_process.ROOT = real
        self.last = -1

    def catch_up(self):
        """Read its log up to its next reading; return the seq of that."""
        self.last = int(self.agent.wait_line(r"D sampler reading_taken boot=1 seq=(\d+)")[1])
        return self.last

    def count(self, part):
        return sum(part in line for line in self.agent.lines)

    def missing(self, seen):
        """Return the seqs up to the last that was read of which nothing came."""
        return [seq for seq in range(self.last + 1) if not seen[1, seq]]

    def complaints(self, seen, took_s):
        """Return what is wrong with the account of this agent after so many seconds."""
        wrong = []
        if self.last + 1 < READ_LEAST * took_s:
            wrong.append(f"only {self.last + 1} readings taken in {took_s:.0f} s")
        missing = self.missing(seen)
        if missing:
            wrong.append(f"{len(missing)} of {self.last + 1} readings missing: {missing[:10]}")
        again = sum(seen.values()) - len(seen)
        links = self.count("mqtt session_up")
        if again > WINDOW * links:
            wrong.append(f"{again} duplicates over {links} links")
        if self.agent.process.poll() is not None or self.count("agent_started") != 1:
            wrong.append("it was not one run")
        if {boot for boot, _ in seen} - {1}:
            wrong.append("readings of another boot")
        return [f"{self.device_id}: {one}" for one in wrong]


def run(seed: int, scale: float, scratch: Path) -> dict:
    """Flap for five minutes, or a part of them. See tests/proof/README.md."""
    authority = Authority()
    duration_s = max(LEAST_S, FULL_S * scale)
    with Flapper(scratch / "broker", authority, random.Random(seed)) as flapper:
        flapper.up()
        proxy = flapper.proxy
        words = {"64": "MICROPYTHON", "32": "MICROPYTHON32"}
        agents = [
            Watched(scratch / f"agent-{bits}", f"agent-{bits}", bits, proxy, authority)
            for bits, name in words.items()
            if name in os.environ
        ]
        tree = lossy_tree(scratch / "planted-tree")
        planted = Watched(scratch / "planted", "planted", "64", proxy, authority, tree)
        try:
            began_s = time.monotonic()
            while time.monotonic() - began_s < duration_s:
                flapper.flap()
            took_s = time.monotonic() - began_s
            proxy.delay_s = 0
            wait_for_all(agents, flapper.seen)
            notes = []
            for agent in agents:
                notes += agent.complaints(flapper.seen[agent.device_id], took_s)
            caught = is_caught(planted, flapper.seen[planted.device_id])
            # Full jitter gives half of the longest delay on average; each agent has its own.
            most = (len(agents) + 1) * (2 * 1000 * took_s / RETRY_MAX_MS + 15)
            if len(proxy.connections) > most:
                notes.append(f"{len(proxy.connections)} connects, more than {most:.0f}")
            flapper.down()
        finally:
            for one in [*agents, planted]:
                one.agent.kill()
        tried = sum(agent.last + 1 for agent in agents)
        print(
            f"flap: {dict(flapper.flaps)} in {took_s:.0f} s, {tried} readings, "
            f"{len(proxy.connections)} connects, "
            f"links {[agent.count('mqtt session_up') for agent in agents]}, "
            f"taken for contested {[agent.count('session_contested') for agent in agents]}, "
            f"duplicates {[sum(s.values()) - len(s) for s in flapper.seen.values()]}",
            flush=True,
        )
    return {"tried": tried, "failed": len(notes), "planted_caught": caught, "notes": notes}


def wait_for_all(agents, seen):
    """Wait until everything taken until now has come, or for as long as that may take."""
    for one in agents:
        with contextlib.suppress(AssertionError):  # its log ended: the account will tell
            newest(one)
            end_s = time.monotonic() + ARRIVE_S
            while one.missing(seen[one.device_id]) and time.monotonic() < end_s:
                time.sleep(0.1)


def is_caught(planted, seen):
    """Tell whether what the planted agent lost, and nothing else of it, is missed.

    It loses every third that it sends, and sends some again after a link was lost.
    """
    with contextlib.suppress(AssertionError):
        newest(planted)
        end_s = time.monotonic() + ARRIVE_S
        while len(seen) < (planted.last + 1) / 2 and time.monotonic() < end_s:
            time.sleep(0.1)
    return len(seen) >= (planted.last + 1) / 2 and bool(planted.missing(seen))


def newest(one):
    """Return the seq of a reading that is taken from now on."""
    while True:
        began_s = time.monotonic()
        seq = one.catch_up()
        if time.monotonic() - began_s > 0.2:  # it was waited for, so the log is read to its end
            return seq


def lossy_tree(folder):
    """Return a folder with an agent that loses readings."""
    folder.mkdir()
    for name in ("firmware", "lib"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "main.py").write_text(LOSSY + (ROOT / "main.py").read_text())
    return folder


def free_ports(count):
    """Return ports that no outgoing connection is given while the broker is down."""
    found = []
    for port in random.sample(PORTS, len(PORTS)):
        with contextlib.suppress(OSError):
            socket.create_server(("127.0.0.1", port)).close()
            found.append(port)
        if len(found) == count:
            break
    return found
