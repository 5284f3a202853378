"""/v1/iot/devices/{device_id}/telemetry"""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from ways_device.sandbox.platform import The
from ways_device.sandbox.wire import Json, epoch

router = APIRouter(prefix="/v1/iot/devices/{device_id}/telemetry")

# Past the newest value: a board's clock may be a little ahead.
_AHEAD_S = 86400


@router.get("")
async def between(
    the: The,
    device_id: str,
    hours: Annotated[int, Query(ge=1, le=87600)] = 24,
    datapoint_id: str | None = None,
    key: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    limit: Annotated[int, Query(ge=1, le=10000)] = 1000,
) -> list[Json]:
    """start and end, if given, go before hours. datapoint_id may be a datapoint's key as well."""
    the.devices.row(device_id)
    now = the.telemetry.now()
    until = epoch(end) if end else now + _AHEAD_S
    since = epoch(start) if start else (epoch(end) if end else now) - hours * 3600
    return the.telemetry.between(device_id, since, until, datapoint_id or key, limit)


@router.get("/latest")
async def latest(the: The, device_id: str) -> list[Json]:
    the.devices.row(device_id)
    return the.telemetry.latest(device_id)
