"""/sandbox: what the platform does not have. Same key."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends

from ways_device.sandbox.paging import Window, window
from ways_device.sandbox.platform import The
from ways_device.sandbox.wire import Json

router = APIRouter(prefix="/sandbox")


@router.get("/ledger")
async def ledgers(the: The, part: Annotated[Window, Depends(window(20))]) -> Json:
    """The sums of each device, in the order devices were added; adds_up is that of this page."""
    device_ids, total = the.ledger.devices(part.limit, part.offset)
    rows = []
    for device_id in device_ids:
        rows.append(the.ledger.summary(device_id))
        await asyncio.sleep(0)  # a long one must not keep the broker's messages waiting
    return {
        "devices": rows,
        "total": total,
        **part.shown(),
        "has_more": part.offset + len(rows) < total,
        "adds_up": all(row["adds_up"] for row in rows),
    }


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
