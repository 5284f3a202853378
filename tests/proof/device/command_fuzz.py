"""Hands messages of a file to the device's own code, and compares what it makes of each.

A line is KIND HEX WANTED: C is a command, wanted "ok", "refused" or "no-id"; S is a document of
settings, wanted "none" or {key: whether it is good} as JSON in hex; F is a file of settings, and
whatever it is, it either gives settings in their ranges or a ConfigError.
The heap that it is run in is a little larger than what it takes to begin with: nothing may stay.
"""

import gc
import json
import os
import sys

sys.path[:] = [".frozen", ".", "lib", "tests", "tests/proof/device"]

from binascii import unhexlify

from fakes.downlink import Place, World, command
from firmware import config, intake, settings, strictjson
from firmware.errors import ConfigError


class Driver:
    def __init__(self, folder):
        self.world = World(Place(folder), ring_bytes=0)
        self.down = self.world.down
        self.path = folder + "/fuzzed"
        self.tried = self.failed = 0
        self.failures = []

    def fail(self, line, why):
        self.failed += 1
        if len(self.failures) < 4:
            self.failures.append("%s: %s" % (why, line[:300]))

    def command(self, message, wanted):
        """Return what is wrong with what becomes of a command."""
        down, world = self.down, self.world
        world.publisher.events.clear()
        intake.receive(down, message)
        journal = down.journal
        if down.queue:
            answer, _ = down.queue.pop()
            got = "ok" if answer["state"] == "accepted" else "refused"
            # Another id next time: what this message may not do is to be met as a duplicate.
            journal.open.clear()
            journal.ids = bytes(len(journal.ids))
        else:
            answer = json.loads(world.publisher.events[-1][0])["metadata"]
            got = "no-id" if answer["id"] is None else "?"
        if got != "ok" and not answer["reason"]:
            return "no reason"
        return None if got == wanted else "%s, not %s (%s)" % (got, wanted, answer.get("reason"))

    def settings(self, document, wanted):
        """Return what is wrong with how settings are judged."""
        wanted = None if wanted == "none" else json.loads(unhexlify(wanted))
        try:
            given = strictjson.parse(document)
            settings._rev(given)
        except ValueError:
            return None if wanted is None else "not taken"
        if wanted is None:
            return "taken"
        got = {}
        for key in given:
            got[key] = settings._judge(self.down, key, given[key], {"mqtt_host": "x"}) == "ok"
        return None if got == wanted else "%s" % got

    def file(self, data):
        """Return what is wrong with settings that were read from a file."""
        with open(self.path, "wb") as file:
            file.write(data)
        try:
            found = config.checked(config.raw(self.path))
        except ConfigError as exc:
            return None if str(exc) else "no reason"
        for key, kind, low, high, _ in config.TABLE:
            value = getattr(found, key)
            size = len(value) if kind in (str, list) and value is not None else value
            if value is not None and (type(value) is not kind or (
                kind is not bool and not low <= size <= high
            )):  # fmt: skip
                return "%s is %r" % (key, value)
        return None

    def line(self, line):
        self.tried += 1
        kind, data, wanted = line.split(" ")
        data = unhexlify(data)
        try:
            if kind == "C":
                why = self.command(data, wanted)
            else:
                why = self.settings(data, wanted) if kind == "S" else self.file(data)
        except Exception as exc:
            why = "raised %r" % exc
        if why:
            self.fail(line, why)

    def still_works(self):
        """See that the device takes a good command after all of that."""
        if self.command(json.dumps(command("good")).encode(), "ok"):
            self.fail("good", "the device does not work any more")
        try:
            os.remove(self.path)
        except OSError:
            pass


def lenient(data):
    """Parse as MicroPython does, which is what must not be done: the planted fault."""
    value = json.loads(data)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def main(path, folder, planted):
    """Print the result as JSON."""
    if planted:
        strictjson.parse = lenient
    driver = Driver(folder)
    with open(path) as file:
        for line in file:
            driver.line(line.strip())
            if driver.failed > 50:
                break
            if driver.tried % 64 == 0:
                gc.collect()
    if not planted:
        driver.still_works()
    print(json.dumps({
        "tried": driver.tried, "failed": driver.failed, "failures": driver.failures,
        "caught": True,
    }))  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], len(sys.argv) > 3)
