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
import sqlite3
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from ways_device.sandbox import boots, wire
from ways_device.sandbox.datapoints import RESERVED, Datapoints, fits
from ways_device.sandbox.db import Db
from ways_device.sandbox.events import Events
from ways_device.sandbox.ledger import Ledger
from ways_device.sandbox.oddkeys import MISTYPED, UNKNOWN, OddKeys
from ways_device.sandbox.telemetry import Telemetry
from ways_device.sandbox.traffic import Traffic
from ways_device.sandbox.wire import Json

# Device, datapoint's id, value, when it was measured, when it arrived.
OnValue = Callable[[str, str, Any, float, float], None]
# Device, the event's metadata, when it arrived.
OnEvent = Callable[[str, Json, float], None]

_TOPIC = re.compile(r"devices/([A-Za-z0-9_-]{1,64})/(.+)")
# To the device, not from it.
_DOWNLINK = re.compile(r"devices/[^/]+/(commands|config)")
_SENSOR = "sensors/"
# A timestamp outside of this, seen from its arrival, is a clock that was never set.
_PAST_S = 10 * 365 * 86400
_FUTURE_S = 86400
_EVENT_TYPE_MAX = 64
_COUNTERS = {UNKNOWN: "unknown_keys", MISTYPED: "mistyped_values"}


class Ingest:
    def __init__(
        self,
        db: Db,
        datapoints: Datapoints,
        telemetry: Telemetry,
        events: Events,
        ledger: Ledger,
        on_value: OnValue = lambda *_: None,
        on_event: Mapping[str, OnEvent] = MappingProxyType({}),
    ) -> None:
        """on_value is told of each value that was kept, on_event of the events of its types."""
        self._db = db
        self._datapoints = datapoints
        self._telemetry = telemetry
        self._events = events
        self._ledger = ledger
        self._traffic = Traffic(db)
        self._odd_keys = OddKeys(db)
        self._on_value = on_value
        self._on_event = on_event
        self._readers = {
            "telemetry": self._read_telemetry,
            "status": self._read_status,
            "attributes": self._read_attributes,
            "events": self._read_event,
        }

    def take(self, topic: str, payload: bytes, received_at: float) -> None:
        """Enter one message. A message of a device that is not registered is ignored."""
        found = _TOPIC.fullmatch(topic)
        if not found or is_downlink(topic):
            return
        device_id, category = found[1], found[2]
        seen = "UPDATE devices SET last_seen = ? WHERE device_id = ?"
        if not self._db.run(seen, received_at, device_id):
            return
        kept = 0
        try:
            kept = self._read(device_id, category, payload, received_at)
        except ValueError:
            self._count(device_id, "malformed")
        self._traffic.count(device_id, received_at, kept, len(payload))

    def _read(self, device_id: str, category: str, payload: bytes, received_at: float) -> int:
        """Returns how many values were kept. Raises ValueError if the payload is none."""
        if category.startswith(_SENSOR):
            key = category[len(_SENSOR) :]
            document = wire.parse(payload)
            # The payload of this tree is documented nowhere: a bare value is one guess.
            if not isinstance(document, dict):
                document = {key: document}
            return self._read_reading(device_id, document, received_at, key)
        if category in self._readers:
            document = wire.parse(payload)
            if not isinstance(document, dict):
                raise ValueError("not an object")
            return self._readers[category](device_id, document, received_at) or 0
        return 0

    def _read_telemetry(self, device_id: str, document: Json, received_at: float) -> int:
        return self._read_reading(device_id, document, received_at, "")

    def _read_reading(self, device_id: str, document: Json, received_at: float, part: str) -> int:
        """Keep the values, return how many. part is the one key of a sensors/ topic, else ''."""
        sql = "UPDATE devices SET last_telemetry = ? WHERE device_id = ?"
        self._db.run(sql, received_at, device_id)
        stamp = _timestamp(document, received_at)
        measured_at = received_at if stamp is None else stamp
        boot, seq = document.get("boot"), document.get("seq")
        if boots.is_number(boot) and boots.is_number(seq):
            if not self._ledger.deliver(device_id, boot, seq, part, measured_at):
                return 0
        elif boot is not None or seq is not None:
            self._count(device_id, "malformed")
        kept = 0
        for key, value in document.items():
            if key not in RESERVED:
                datapoint = self._datapoints.by_key(key) if part in ("", key) else None
                problem = _problem(datapoint, value)
                if problem is not None:
                    self._count(device_id, _COUNTERS[problem])
                    self._odd_keys.note(device_id, problem, key, value, received_at)
                elif datapoint is not None:
                    kept += self._keep(device_id, datapoint["id"], value, measured_at, received_at)
        return kept

    def _keep(
        self,
        device_id: str,
        datapoint_id: str,
        value: Any,
        measured_at: float,
        received_at: float,
    ) -> bool:
        """Returns False if the same value of the same moment is there already."""
        if not self._telemetry.add(device_id, datapoint_id, value, measured_at, received_at):
            return False
        self._on_value(device_id, datapoint_id, value, measured_at, received_at)
        return True

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
        if event_type in self._on_event:
            self._on_event[event_type](device_id, metadata, received_at)

    def _count(self, device_id: str, column: str) -> None:
        self._db.run(f"UPDATE devices SET {column} = {column} + 1 WHERE device_id = ?", device_id)


def is_downlink(topic: str) -> bool:
    """Tell whether a topic is one to a device; ingestion hears what is published there too."""
    return _DOWNLINK.fullmatch(topic) is not None


def _problem(datapoint: sqlite3.Row | None, value: Any) -> str | None:
    """Return why a value is not kept, None if it is."""
    if datapoint is None:
        return UNKNOWN
    return None if fits(datapoint["data_type"], value) else MISTYPED


def _timestamp(document: Json, received_at: float) -> float | None:
    """Return the document's own time, None if it has none that can be right."""
    return _number(document.get("timestamp"), received_at - _PAST_S, received_at + _FUTURE_S)


def _number(value: Any, least: float, most: float) -> float | None:
    return float(value) if wire.is_number(value) and least <= value <= most else None
