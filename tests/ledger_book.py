"""A ledger and the ingestion in front of it, with devices that need no broker."""

from ways_device.sandbox.datapoints import Datapoints
from ways_device.sandbox.devices import Devices
from ways_device.sandbox.events import Events
from ways_device.sandbox.ingest import Ingest
from ways_device.sandbox.keys import Hashed
from ways_device.sandbox.ledger import Ledger
from ways_device.sandbox.presence import Presence
from ways_device.sandbox.telemetry import Telemetry


def book_of(db, *device_ids, kind=Ledger):
    """Return (ledger, ingest) on a database, for devices of these names; kind makes the ledger."""
    events = Events(db)
    ledger = kind(db, events)
    devices = Devices(db, Presence(db))
    for device_id in device_ids:
        devices.create({"name": device_id, "device_id": device_id}, Hashed("", ""))
    return ledger, Ingest(db, Datapoints(db), Telemetry(db), events, ledger)
