"""The identity as bytes: what the host packs is what the device's own code reads."""

import json
import os
import subprocess
from pathlib import Path

from ways_device import identity
from ways_device.wifi import Network

ROOT = Path(__file__).parents[2]
LOGIN = {"username": "u", "password": "pässword", "client_id": "c"}

READ = """
import sys, binascii, json
sys.path.insert(0, ".")
from firmware import identity
data = binascii.unhexlify(sys.stdin.read())
found = identity.unpack(data)
again = identity.pack(data[10:-4], found.generation)
print(json.dumps({
    "generation": found.generation, "device_id": found.device_id, "username": found.username,
    "password": found.password, "client_id": found.client_id, "ca": list(found.ca),
    "wifi": found.wifi, "same": again == data,
}))
"""


def test_device_reads_what_the_host_packed():
    wifi = [Network("my net", "password", 3), Network("open", "")]
    body = identity.body("d1", LOGIN, bytes(range(256)), wifi)
    done = subprocess.run(
        [os.environ["MICROPYTHON"], "-c", READ],
        cwd=ROOT,
        input=identity.pack(body, 7).hex(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout) == {
        "generation": 7,
        "device_id": "d1",
        **LOGIN,
        "ca": list(range(256)),
        "wifi": [network.as_json() for network in wifi],
        "same": True,
    }


def test_login_that_the_board_holds_is_not_in_the_body():
    assert sorted(json.loads(identity.body("d1", {}, b"", []))) == ["ca", "device_id", "wifi"]
