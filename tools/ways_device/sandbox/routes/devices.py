"""/v1/iot/devices"""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query

from ways_device.sandbox.bodies import DeviceChange, NewDevice, Tag, Tags
from ways_device.sandbox.devices import Filter
from ways_device.sandbox.paging import Window, window
from ways_device.sandbox.platform import The
from ways_device.sandbox.wire import Json

router = APIRouter(prefix="/v1/iot/devices")


def _filter(
    is_active: bool | None = None,
    is_online: bool | None = None,
    device_type: str | None = None,
    tag: str | None = None,
    search: str | None = None,
    group_id: str | None = None,
    profile_id: str | None = None,
    # The names that the older documents have.
    status: Literal["active", "inactive"] | None = None,
    of_type: Annotated[str | None, Query(alias="type")] = None,
) -> Filter:
    return Filter(
        is_active=status == "active" if is_active is None and status else is_active,
        is_online=is_online,
        device_type=of_type if device_type is None else device_type,
        tag=tag,
        search=search,
        group_id=group_id,
        profile_id=profile_id,
    )


@router.get("")
async def list_devices(
    the: The,
    part: Annotated[Window, Depends(window(20))],
    which: Annotated[Filter, Depends(_filter)],
) -> Json:
    return the.devices.part(which, part)


@router.post("", status_code=201)
async def register(the: The, body: NewDevice) -> Json:
    device_id, password = await the.access.register(body.given())
    login = the.dialect.login(device_id, password, the.mqtt_host, the.mqtt_tls_port)
    return {**the.devices.get(device_id), **login}


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
