"""/v1/iot/alarms"""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends

from ways_device.sandbox.alarms import AlarmFilter
from ways_device.sandbox.bodies import Remark
from ways_device.sandbox.paging import Window, window
from ways_device.sandbox.platform import The
from ways_device.sandbox.wire import Json

router = APIRouter(prefix="/v1/iot/alarms")

_Window = Annotated[Window, Depends(window(50))]


@router.get("")
async def list_alarms(
    the: The,
    part: _Window,
    status: Literal["active", "acknowledged", "resolved"] | None = None,
    severity: Literal["critical", "warning", "info"] | None = None,
    device_id: str | None = None,
    rule_id: str | None = None,
) -> Json:
    return the.alarms.page(AlarmFilter(status, severity, device_id, rule_id), part)


@router.get("/summary")
async def summary(the: The) -> Json:
    return the.alarms.summary()


@router.get("/{alarm_id}")
async def get(the: The, alarm_id: str) -> Json:
    return the.alarms.get(alarm_id)


@router.get("/{alarm_id}/timeline")
async def timeline(the: The, alarm_id: str) -> list[Json]:
    return the.alarms.timeline(alarm_id)


# A step without a note needs no body.
@router.post("/{alarm_id}/acknowledge")
async def acknowledge(the: The, alarm_id: str, body: Remark | None = None) -> Json:
    return the.alarms.acknowledge(alarm_id, body.note if body else None)


@router.post("/{alarm_id}/resolve")
async def resolve(the: The, alarm_id: str, body: Remark | None = None) -> Json:
    return the.alarms.resolve(alarm_id, body.note if body else None)


@router.post("/{alarm_id}/reopen")
async def reopen(the: The, alarm_id: str, body: Remark | None = None) -> Json:
    return the.alarms.reopen(alarm_id, body.note if body else None)
