"""What ends the agent may hold a password: none is on the serial line, in an event, or kept."""

import json
import time

from recovery_rig import made

LIMIT_S = 60
CANARIES = ("ways-sandbox-password", "ways-sandbox")
# The radio's driver fails with what it was given to join with, as text of its exception.
FAILS = """
import network
from firmware.reading import Datapoint
given = []
connect = network.WLAN.connect
def note(self, *what, **more):
    given.append(what)
    return connect(self, *what, **more)
network.WLAN.connect = note
def isconnected(self):
    raise ValueError("cannot join " + repr(given))
class Sensor:
    points = [Datapoint("mine", "", "number", 0)]
    count = 0
    async def read_into(self, reading):
        self.count += 1
        if self.count > 3:
            given.append(("ways-sandbox", "ways-sandbox-password"))
            network.WLAN.isconnected = isconnected
        reading.set("mine", 1)
def open(board, options):
    return Sensor()
"""


def test_an_exception_that_holds_a_password_is_told_without_it(tmp_path):
    with made(tmp_path, "--log-level", "D") as here, here.case() as case:
        case.give_driver(FAILS)
        case.reset()
        with case.listen() as port:
            said, end_s = "", time.monotonic() + LIMIT_S
            while "ValueError: cannot join" not in said and time.monotonic() < end_s:
                said += "".join(f"{line}\n" for line in port.lines(0.2))
        assert "task_ended task=wifi why=ValueError" in said
        assert "ValueError: cannot join" in said and "***" in said
        told = case.event("started", cause="crash")
        assert told["error"].startswith("ValueError: cannot join")
        case.event("crash")
        kept = bytes.fromhex(case.nvs()["crash"]).decode()
        # The name of a network is in lines about it, as it should be.
        for text in (said.replace("ssid=ways-sandbox", ""), json.dumps(case.events()), kept):
            assert not [canary for canary in CANARIES if canary in text], text
