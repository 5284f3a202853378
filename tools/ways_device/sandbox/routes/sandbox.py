"""/sandbox: what the platform does not have. Same key."""

from fastapi import APIRouter

from ways_device.sandbox.platform import The
from ways_device.sandbox.wire import Json

router = APIRouter(prefix="/sandbox")


@router.get("/ledger/{device_id}")
async def ledger(the: The, device_id: str) -> Json:
    the.devices.row(device_id)
    return the.ledger.report(device_id)


@router.get("/devices/{device_id}")
async def details(the: The, device_id: str) -> Json:
    return the.devices.details(device_id)


@router.get("/devices/{device_id}/events")
async def events(the: The, device_id: str) -> list[Json]:
    the.devices.row(device_id)
    return the.events.of(device_id)


@router.post("/broker/stop")
async def stop_broker(the: The) -> Json:
    await the.access.stop_broker()
    return _broker(the)


@router.post("/broker/start")
async def start_broker(the: The) -> Json:
    await the.access.start_broker()
    return _broker(the)


def _broker(the: The) -> Json:
    return {"running": the.access.is_broker_up(), "mqtt_tls_port": the.mqtt_tls_port}
