"""What the session does with the wire, side by side with plain umqtt.simple on the same link."""

import itertools
import json
import socket
import statistics
import struct
import time

from faultproxy import FaultProxy
from ground import DEVICE, ROOT, Device, can_run_32_bit, micropython
from image import build
from progress import until

RTT_S = 0.05
CONNECT_RTT_S = 0.1
WINDOW = 16
PAYLOAD = '{"temperature": 21.53, "timestamp": 1795392000, "boot": 3, "seq": 123}'
CLIENTS = {"": "ways", "_umqtt_simple": "umqtt_simple"}

_ANSWER_S = 60
_CONNECTS = 5
_READINGS = 15
_PAUSE_MS = 300  # longer than any delayed acknowledgement, so that each reading stands alone
# IPv4 header, TCP header, and the time stamps that Linux and lwIP's peers put into each segment.
_HEADERS = 20 + 20 + 12
_numbers = itertools.count(1)


def measure(ground, _last):
    figures = {}
    for part in (throughput, connecting, work, heap, ip_bytes):
        figures.update(part(ground))
    return figures


def loaded(ground, client, port, count, bits=64, **more):
    """Return the process of device/load.py with this order."""
    number = next(_numbers)
    folder = ground.folder / f"load-{number}"
    folder.mkdir()
    order = {
        "client": client,
        "host": "localhost",
        "port": port,
        "ca": str(ground.ca_file),
        "user": f"load-{number}",
        "folder": str(folder),
        "count": count,
        "topic": "devices/device-1/unheard-of",  # the listener is spared
        "payload": PAYLOAD,
        "window": WINDOW,
        **more,
    }
    (folder / "order.json").write_text(json.dumps(order))
    # Nothing of this is about little memory.
    command = micropython(bits, DEVICE / "load.py", folder / "order.json", heap_kb=8192)
    return Device(command, {"MICROPYPATH": f"{ROOT}:{ROOT}/lib:.frozen"})


def load(*arguments, **order):
    """Return what device/load.py tells."""
    return loaded(*arguments, **order).answer(_ANSWER_S)


def throughput(ground):
    """Messages a second at 50 ms round trip, as far as the window allows."""
    rates = {}
    with FaultProxy(ground.broker.address) as proxy:
        proxy.delay_s = RTT_S / 2
        for client, count in (("ways", 2000), ("umqtt_simple", 30)):
            told = load(ground, client, proxy.port, count)
            rates[client] = 1000 * count / told["elapsed_ms"]
    ours, theirs = rates["ways"], rates["umqtt_simple"]
    return {
        "qos1_tls_rtt50_msgs_per_s": round(ours, 1),
        "qos1_tls_rtt50_msgs_per_s_umqtt_simple": round(theirs, 1),
        "ratio_to_window_over_rtt": round(ours / (WINDOW / RTT_S), 3),
        "ratio_to_umqtt_simple": round(ours / theirs, 1),
    }


def connecting(ground):
    """Round trips from opening the socket to CONNACK, with TLS 1.2."""
    figures = {}
    with FaultProxy(ground.broker.address) as proxy:
        proxy.delay_s = CONNECT_RTT_S / 2
        for suffix, client in CLIENTS.items():
            took_ms = [load(ground, client, proxy.port, 1)["connect_ms"] for _ in range(_CONNECTS)]
            # This machine's kernel answers the first packet at once: that trip is added.
            trips = statistics.median(took_ms) / 1000 / CONNECT_RTT_S + 1
            figures[f"connect_round_trips_tls12{suffix}"] = round(trips, 2)
    return figures


def work(ground):
    """CPU time of a message where the link costs nothing, so that only work is left."""
    figures = {}
    for suffix, client in CLIENTS.items():
        count = 20_000 if client == "ways" else 60
        told = load(ground, client, ground.broker.port, count)
        figures[f"cpu_us_per_message{suffix}"] = round(told["cpu_us"] / count, 1)
        rate = 1000 * count / told["elapsed_ms"]
        figures[f"qos1_tls_rtt0_msgs_per_s{suffix}"] = round(rate, 1)
    return figures


def heap(ground):
    """Bytes of heap that a message takes for a while, session alone."""
    if not can_run_32_bit():
        return {}
    count, figures = 1000, {}
    for suffix, client in CLIENTS.items():
        many = count if client == "ways" else 60
        told = load(ground, client, ground.broker.port, many, bits=32, gc=False)
        figures[f"heap_bytes_per_message_32bit{suffix}"] = round(told["heap"] / many, 1)
    return figures


def ip_bytes(ground):
    """Bytes on the wire of a reading of the real agent, both ways, and of the same by umqtt."""
    folder = build(ground.folder / "counted", second_ms=_PAUSE_MS)
    with FaultProxy(ground.broker.address) as proxy:
        device_id, config = ground.new_device(proxy.port, interval_s=1)
        arrivals = ground.listener.of(device_id)
        with Device(micropython(64, "main.py", "--config", config), folder=folder):
            ours = _bytes_of_each(proxy, arrivals)
    topic = f"devices/{device_id}/telemetry"
    text = json.dumps(arrivals.all[-1][1])
    arrivals.all.clear()
    order = {"count": 1000, "pause_ms": _PAUSE_MS, "topic": topic, "payload": text}
    with (
        FaultProxy(ground.broker.address) as proxy,
        loaded(ground, "umqtt_simple", proxy.port, **order),
    ):
        theirs = _bytes_of_each(proxy, arrivals)
    return {
        "ip_bytes_per_reading_tls": round(ours, 1),
        "ip_bytes_per_reading_tls_umqtt_simple": round(theirs, 1),
    }


def _bytes_of_each(proxy, arrivals):
    """Return the IP bytes of a reading, from what the kernel counts at the proxy's end."""
    before_count, before = _snapshot(proxy, arrivals, 3)
    count, after = _snapshot(proxy, arrivals, before_count + _READINGS)
    return (after - before) / (count - before_count)


def _snapshot(proxy, arrivals, count):
    """Return (readings, IP bytes) between two readings, once there are so many."""
    until(lambda: len(arrivals.all) >= count, _ANSWER_S, "readings to count the bytes of")
    time.sleep(_PAUSE_MS / 2000)
    info = proxy.connections[-1].up.source.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 144)
    # bytes acknowledged and received, segments sent and received (struct tcp_info).
    acked, received, segments_out, segments_in = struct.unpack_from("=QQII", info, 120)
    return len(arrivals.all), acked + received + _HEADERS * (segments_out + segments_in)
