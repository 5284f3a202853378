"""What a device publishes, turned into state. Pure: no broker here, see subscriber.py.

    devices/<id>/telemetry        flat JSON, one value per datapoint key
    devices/<id>/sensors/<key>    {"<key>": value, ...}, or the bare value
    devices/<id>/status           battery_level, signal_strength and more
    devices/<id>/attributes       firmware_version and more
    devices/<id>/events           {"event_type", "timestamp"?, "metadata"}

Whatever else a device sends is counted as a message and not looked at. Bad input is counted per
device, never raised.
"""

import re
from collections.abc import Callable
from typing import Any

from ways_device.sandbox import ledger as ledgers
from ways_device.sandbox import wire
from ways_device.sandbox.datapoints import RESERVED, Datapoints, fits
from ways_device.sandbox.db import Db
from ways_device.sandbox.events import Events
from ways_device.sandbox.ledger import Ledger
from ways_device.sandbox.telemetry import Telemetry
from ways_device.sandbox.wire import Json

# Device, datapoint's id, value, when it was measured, when it arrived.
OnValue = Callable[[str, str, Any, float, float], None]

_TOPIC = re.compile(r"devices/([A-Za-z0-9_-]{1,64})/(.+)")
# To the device, not from it.
_DOWNLINK = ("commands", "config")
_SENSOR = "sensors/"
# A timestamp outside of this, seen from its arrival, is a clock that was never set.
_PAST_S = 10 * 365 * 86400
_FUTURE_S = 86400
_EVENT_TYPE_MAX = 64


class Ingest:
    def __init__(
        self,
        db: Db,
        datapoints: Datapoints,
        telemetry: Telemetry,
        events: Events,
        ledger: Ledger,
        on_value: OnValue = lambda *_: None,
    ) -> None:
        """on_value is told of each value that was kept."""
        self._db = db
        self._datapoints = datapoints
        self._telemetry = telemetry
        self._events = events
        self._ledger = ledger
        self._on_value = on_value
        self._readers = {
            "telemetry": self._read_telemetry,
            "status": self._read_status,
            "attributes": self._read_attributes,
            "events": self._read_event,
        }

    def take(self, topic: str, payload: bytes, received_at: float) -> None:
        """Enter one message. A message of a device that is not registered is ignored."""
        found = _TOPIC.fullmatch(topic)
        if not found or found[2] in _DOWNLINK:
            return
        device_id, category = found[1], found[2]
        seen = "UPDATE devices SET last_seen = ? WHERE device_id = ?"
        if not self._db.run(seen, received_at, device_id):
            return
        self._count_message(device_id, received_at)
        try:
            self._read(device_id, category, payload, received_at)
        except ValueError:
            self._count(device_id, "malformed")

    def _read(self, device_id: str, category: str, payload: bytes, received_at: float) -> None:
        if category.startswith(_SENSOR):
            key = category[len(_SENSOR) :]
            document = wire.parse(payload)
            # The payload of this tree is documented nowhere: a bare value is one guess.
            if not isinstance(document, dict):
                document = {key: document}
            self._read_reading(device_id, document, received_at, key)
        elif category in self._readers:
            document = wire.parse(payload)
            if not isinstance(document, dict):
                raise ValueError("not an object")
            self._readers[category](device_id, document, received_at)

    def _read_telemetry(self, device_id: str, document: Json, received_at: float) -> None:
        self._read_reading(device_id, document, received_at, "")

    def _read_reading(self, device_id: str, document: Json, received_at: float, part: str) -> None:
        """Keep the values. part is the one key of a sensors/ topic, '' for a whole reading."""
        sql = "UPDATE devices SET last_telemetry = ? WHERE device_id = ?"
        self._db.run(sql, received_at, device_id)
        stamp = _timestamp(document, received_at)
        measured_at = received_at if stamp is None else stamp
        boot, seq = document.get("boot"), document.get("seq")
        if ledgers.is_number(boot) and ledgers.is_number(seq):
            if not self._ledger.deliver(device_id, boot, seq, part, measured_at):
                return
        elif boot is not None or seq is not None:
            self._count(device_id, "malformed")
        for key, value in document.items():
            if key in RESERVED:
                continue
            if part in ("", key):
                self._keep_value(device_id, key, value, measured_at, received_at)
            else:
                self._count(device_id, "unknown_keys")

    def _keep_value(
        self, device_id: str, key: str, value: Any, measured_at: float, received_at: float
    ) -> None:
        datapoint = self._datapoints.by_key(key)
        if datapoint is None:
            self._count(device_id, "unknown_keys")
        elif not fits(datapoint["data_type"], value):
            self._count(device_id, "mistyped_values")
        else:
            self._telemetry.add(device_id, datapoint["id"], value, measured_at, received_at)
            self._on_value(device_id, datapoint["id"], value, measured_at, received_at)

    def _read_status(self, device_id: str, document: Json, _received_at: float) -> None:
        battery_pct = _number(document.get("battery_level"), 0, 100)
        signal_dbm = _number(document.get("signal_strength"), -200, 0)
        # A document without one of them (the last will, say) leaves the last known value.
        self._db.run(
            "UPDATE devices SET status = ?, battery_level = coalesce(?, battery_level),"
            " signal_strength = coalesce(?, signal_strength) WHERE device_id = ?",
            wire.dump(document),
            battery_pct,
            signal_dbm,
            device_id,
        )

    def _read_attributes(self, device_id: str, document: Json, _received_at: float) -> None:
        version = document.get("firmware_version")
        self._db.run(
            "UPDATE devices SET attributes = ?,"
            " firmware_version = coalesce(?, firmware_version) WHERE device_id = ?",
            wire.dump(document),
            version if isinstance(version, str) else None,
            device_id,
        )

    def _read_event(self, device_id: str, document: Json, received_at: float) -> None:
        event_type, metadata = document.get("event_type"), document.get("metadata", {})
        if not isinstance(event_type, str) or not 0 < len(event_type) <= _EVENT_TYPE_MAX:
            raise ValueError("event_type")
        if not isinstance(metadata, dict):
            raise ValueError("metadata")
        stamp = _timestamp(document, received_at)
        self._events.add(device_id, event_type, metadata, stamp, received_at)

    def _count_message(self, device_id: str, received_at: float) -> None:
        self._db.run(
            "INSERT INTO traffic VALUES (?, ?, 1)"
            " ON CONFLICT DO UPDATE SET messages = messages + 1",
            device_id,
            int(received_at // 60),
        )

    def _count(self, device_id: str, column: str) -> None:
        self._db.run(f"UPDATE devices SET {column} = {column} + 1 WHERE device_id = ?", device_id)


def _timestamp(document: Json, received_at: float) -> float | None:
    """Return the document's own time, None if it has none that can be right."""
    return _number(document.get("timestamp"), received_at - _PAST_S, received_at + _FUTURE_S)


def _number(value: Any, least: float, most: float) -> float | None:
    return float(value) if wire.is_number(value) and least <= value <= most else None
