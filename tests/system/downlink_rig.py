"""Devices that listen for commands and settings, and what a test says to either side."""

import contextlib
import json

from sandbox_rig import Device


@contextlib.contextmanager
def devices():
    """Yield a function that connects a device; all of them leave at the end."""
    with contextlib.ExitStack() as stack:

        def connect(sandbox, login, topics=("commands", "config"), **options):
            device = Device(sandbox, login, **options)
            stack.callback(device.leave)
            device.top = f"devices/{login[0]}"
            if topics:
                device.subscribe(*(f"{device.top}/{name}" for name in topics))
            return device

        yield connect


def heard(device, name):
    return [json.loads(text) for topic, text in device.messages if topic.endswith(f"/{name}")]


def say(device, event_type, metadata):
    device.publish(f"{device.top}/events", {"event_type": event_type, "metadata": metadata})


def send(sandbox, device_id, **body):
    return sandbox.post(f"/sandbox/devices/{device_id}/commands", body)


def command(sandbox, device_id, command_id):
    return sandbox.get(f"/sandbox/devices/{device_id}/commands/{command_id}")


def config(sandbox, device_id):
    return sandbox.get(f"/sandbox/devices/{device_id}/config")


def apply(sandbox, device_id, **profile):
    profile_id = sandbox.post("/profiles", {"name": device_id, **profile})["id"]
    sandbox.post(f"/profiles/{profile_id}/apply/{device_id}")
    return profile_id
