"""/sandbox/devices, .../series: what the page asks for often, in one answer each. Same key."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query

from ways_device.sandbox.devices import Filter
from ways_device.sandbox.platform import The
from ways_device.sandbox.wire import Json

router = APIRouter(prefix="/sandbox/devices")

_HEALTH = ("health_score", "health_status")


@router.get("")
async def overview(
    the: The,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    page_size: Annotated[int, Query(ge=1, le=50)] = 20,
    is_online: bool | None = None,
    search: Annotated[str | None, Query(max_length=200)] = None,
) -> Json:
    """The list of devices with all that is known of each, and its health."""
    found = the.devices.page(Filter(is_online=is_online, search=search), page, page_size)
    rows = []
    for device in found["devices"]:
        health = the.health.get(device["device_id"])
        shown = the.devices.get(device["device_id"])
        rows.append({**shown, **{name: health[name] for name in _HEALTH}})
        await asyncio.sleep(0)  # the broker's messages must not wait for all of them
    return {**found, "devices": rows}


@router.get("/{device_id}/series")
async def series(
    the: The,
    device_id: str,
    seconds: Annotated[int, Query(ge=60, le=31 * 86400)] = 900,
    steps: Annotated[int, Query(ge=1, le=1000)] = 300,
) -> Json:
    """Each datapoint's values of the last seconds, as series.py describes points."""
    the.devices.row(device_id)
    end = the.series.now()
    found = []
    for datapoint in the.series.datapoints(device_id):
        points = the.series.points(device_id, datapoint, end, seconds, steps)
        found.append({**datapoint, **points})
        await asyncio.sleep(0)  # a long one must not keep the broker's messages waiting
    return {"device_id": device_id, "start": end - seconds, "end": end, "series": found}
