"""/v1/iot/devices"""

from typing import Annotated

from fastapi import APIRouter, Query

from ways_device.sandbox.bodies import DeviceChange, NewDevice, Tag, Tags
from ways_device.sandbox.devices import Filter
from ways_device.sandbox.platform import The
from ways_device.sandbox.wire import Json

router = APIRouter(prefix="/v1/iot/devices")


@router.get("")
async def list_devices(
    the: The,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    page_size: Annotated[int, Query(ge=1, le=100)] = 20,
    is_active: bool | None = None,
    is_online: bool | None = None,
    device_type: str | None = None,
    tag: str | None = None,
    search: str | None = None,
) -> Json:
    which = Filter(is_active, is_online, device_type, tag, search)
    return the.devices.page(which, page, page_size)


@router.post("", status_code=201)
async def register(the: The, body: NewDevice) -> Json:
    return await the.access.register(body.given())


@router.get("/{device_id}")
async def get(the: The, device_id: str) -> Json:
    return the.devices.get(device_id)


@router.patch("/{device_id}")
async def update(the: The, device_id: str, body: DeviceChange) -> Json:
    return await the.access.update(device_id, body.given())


@router.delete("/{device_id}", status_code=204)
async def delete(the: The, device_id: str) -> None:
    await the.access.delete(device_id)


@router.get("/{device_id}/health")
async def health(the: The, device_id: str) -> Json:
    return the.health.get(device_id)


@router.get("/{device_id}/tags")
async def list_tags(the: The, device_id: str) -> Json:
    return {"tags": the.devices.tags(device_id)}


# The reference sends a bare array, the vendor's SDK an object.
@router.post("/{device_id}/tags")
async def add_tags(the: The, device_id: str, body: list[Tag] | Tags) -> Json:
    tags = body.tags if isinstance(body, Tags) else body
    return {"added": the.devices.add_tags(device_id, tags)}


@router.delete("/{device_id}/tags/{tag}", status_code=204)
async def remove_tag(the: The, device_id: str, tag: str) -> None:
    the.devices.remove_tag(device_id, tag)
