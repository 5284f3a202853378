"""Every device of a sandbox against every other: what it can read, write and take over."""

import contextlib
import json
import socket
import ssl
import sys

from sandbox_rig import Device, eventually, trusting

# A sandbox in which each device may do everything in all devices' topics, to see that it is found.
CARELESS = [
    sys.executable,
    "-c",
    "from ways_device.sandbox import dynsec\n"
    "wide = [dynsec._allow(kind, 'devices/#') for kind in dynsec._ALL]\n"
    "dynsec._device_acls = lambda device_id: wide\n"
    "from ways_device.cli import main\n"
    "main()",
    "sandbox",
    "start",
]
_PARTS = ("#", "commands", "config")
WIDE = ("#", "+/+/#", "devices/#", "devices/+/events", "devices/+/config", "$SYS/#", "$CONTROL/#")
LAST = "last"
CONNACK_BYTES = 4
TIMEOUT_S = 10


def breaches(sandbox, count):
    """Try all pairs of count new devices. Returns (what was tried, what should not have worked).

    Each device subscribes to every device's topics, also by wildcards and shared; writes an event,
    a command and settings into every device's topics; and logs in under every other's client id.
    """
    logins = {f"m{number}": sandbox.register(f"m{number}") for number in range(count)}
    with contextlib.ExitStack() as stack:
        devices = {}
        for name, login in logins.items():
            devices[name] = Device(sandbox, login)
            stack.callback(devices[name].leave)
        found = _crossed(sandbox, devices) + _taken(sandbox, devices, logins)
    return 3 * count * count, found


def _crossed(sandbox, devices):
    """Return the messages that were read or entered where they should not be."""
    for name, device in devices.items():
        trees = [f"devices/{other}/{part}" for other in devices for part in _PARTS]
        shared = [f"$share/{name}/devices/{other}/#" for other in devices if other != name]
        device.subscribe(*trees, *WIDE, *shared)
    for name, device in devices.items():
        for other in devices:
            if other != name:
                device.publish_many(f"devices/{other}/events", [_event(name)])
                device.publish_many(f"devices/{other}/commands", [{"id": name}])
                device.publish_many(f"devices/{other}/config", [{"rev": name}])
    # When this one has arrived everywhere, whatever was sent before it would have as well.
    for name, device in devices.items():
        device.publish(f"devices/{name}/events", _event(LAST))
    found = []
    for name, device in devices.items():
        eventually(lambda device=device: any(LAST.encode() in text for _, text in device.messages))
        own = f"devices/{name}/"
        found += [f"{name} read {topic}" for topic, _ in device.messages if own not in topic]
        found += [
            f"{name} was sent {text!r} on {topic}"
            for topic, text in device.messages
            if own in topic and json.loads(text) != _event(LAST)
        ]
        events = eventually(lambda name=name: _events(sandbox, name))
        found += [f"{other} wrote an event of {name}" for other in events if other != LAST]
    return found


def _event(name):
    return {"event_type": name, "metadata": {}}


def _events(sandbox, name):
    """Return the types of the device's events, empty until its own has arrived."""
    events = [event["event_type"] for event in sandbox.get(f"/sandbox/devices/{name}/events")]
    return events if LAST in events else []


def _taken(sandbox, devices, logins):
    """Return who got in under another's client id, or cut another off by trying."""
    context = trusting(sandbox.info["ca_file"])
    found = []
    for _, username, password in logins.values():
        for other in devices:
            if other != username and _gets_in(sandbox, context, other, username, password):
                found.append(f"{username} got in as {other}")
    return found + [f"{name} was cut off" for name, device in devices.items() if not device.is_up]


def _gets_in(sandbox, context, client_id, username, password):
    """Tell whether the broker accepts this login."""
    place = (sandbox.info["mqtt_host"], sandbox.info["mqtt_tls_port"])
    fields = b"".join(
        len(text).to_bytes(2, "big") + text.encode() for text in (client_id, username, password)
    )
    # CONNECT of MQTT 3.1.1: user name, password, clean session, 60 s.
    body = b"\x00\x04MQTT\x04\xc2\x00\x3c" + fields
    packet = bytes((0x10, len(body))) + body
    with socket.create_connection(place, TIMEOUT_S) as plain:
        try:
            with context.wrap_socket(plain, server_hostname=place[0]) as link:
                link.sendall(packet)
                answer = link.recv(CONNACK_BYTES)
        except (ConnectionError, ssl.SSLEOFError):
            return False
    return len(answer) == CONNACK_BYTES and answer[3] == 0
