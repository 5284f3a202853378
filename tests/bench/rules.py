"""What the sandbox's rule engine costs."""

import time
from contextlib import closing

from ways_device.sandbox.alarms import Alarms
from ways_device.sandbox.datapoints import Datapoints
from ways_device.sandbox.db import Db
from ways_device.sandbox.devices import Devices
from ways_device.sandbox.engine import Engine
from ways_device.sandbox.keys import Hashed
from ways_device.sandbox.presence import Presence
from ways_device.sandbox.rules import Rules
from ways_device.sandbox.telemetry import Telemetry

_NOW = 1_800_000_000.0
_DEVICES = 1000
_RULES = 20
_ROUNDS = 20
_TICKS = 20
# One value in so many is beyond the limit of each rule.
_HOT_EVERY = 100
_SILENCES = ("offline", "missing_data")


def measure(ground, _last):
    """Return the CPU time, in us, for judging one device by one rule.

    rules_us_per_evaluation: one value by one of 20 threshold rules for the whole fleet, 1,000
    devices that each send a value per round. One value in 100 is beyond all limits, the next
    one of its device is not: that raises 20 alarms, and resolves them. What storing the value
    costs is not in it.
    rules_us_per_evaluation_by_time: one device by one of 20 rules about silence in a tick, all
    devices connected and sending, so nothing is to be done: what every second costs.

    Both in this Python, with the database in a file, in a transaction per round, as in the
    sandbox; the alarms are real, with nobody to be notified. Time is played.
    """
    with closing(Db(ground.folder / "rules.db")) as db:
        fleet = _Fleet(db)
        return {
            "rules_us_per_evaluation": round(fleet.values_us(), 2),
            "rules_us_per_evaluation_by_time": round(fleet.ticks_us(), 2),
        }


class _Fleet:
    def __init__(self, db):
        self.now = _NOW
        self._db = db
        clock = lambda: self.now  # noqa: E731 - one line says it
        self._rules = Rules(db, clock)
        self._telemetry = Telemetry(db, clock)
        alarms = Alarms(db, lambda _: None, clock)
        self._engine = Engine(db, self._rules, alarms, lambda *_: None, clock)
        presence = Presence(db, clock)
        devices = Devices(db, presence, clock)
        datapoint = Datapoints(db, clock).create({"key": "t", "data_type": "number"})
        self._datapoint_id = datapoint["id"]
        self._ids = [f"d{number}" for number in range(_DEVICES)]
        with db.transaction():
            for device_id in self._ids:
                devices.create({"name": "d", "device_id": device_id}, Hashed("", ""))
                presence.opened(device_id)
        self._engine.tick()

    def values_us(self):
        config = {"field": "t", "operator": "gt"}
        for number in range(_RULES):
            self._rule("threshold", {**config, "value": 30 + number})
        spent_s = sum(self._round(number) for number in range(_ROUNDS))
        return spent_s / (_ROUNDS * _DEVICES * _RULES) * 1e6

    def _round(self, number):
        self.now += 1
        readings = [
            (device_id, self._datapoint_id, value, self.now, self.now)
            for index, device_id in enumerate(self._ids)
            for value in [20 if (index + number) % _HOT_EVERY else 99]
        ]
        with self._db.transaction():
            for reading in readings:
                self._telemetry.add(*reading)
        started_s = time.process_time()
        with self._db.transaction():
            for reading in readings:
                self._engine.on_value(*reading)
        return time.process_time() - started_s

    def ticks_us(self):
        for item in self._db.all("SELECT id FROM rules"):
            self._rules.delete(item["id"])
        self._db.run("UPDATE devices SET last_telemetry = ?", self.now)
        for number in range(_RULES):
            self._rule(_SILENCES[number % len(_SILENCES)], {})
        self._engine.tick()
        started_s = time.process_time()
        for _ in range(_TICKS):
            self.now += 1
            self._engine.tick()
        return (time.process_time() - started_s) / (_TICKS * _DEVICES * _RULES) * 1e6

    def _rule(self, rule_type, config):
        fields = {"name": rule_type, "rule_type": rule_type, "config": config}
        self._rules.create({**fields, "auto_resolve": True})
