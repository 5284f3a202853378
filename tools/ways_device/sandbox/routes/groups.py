"""/v1/iot/groups"""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from ways_device.sandbox.bodies import Id
from ways_device.sandbox.platform import The
from ways_device.sandbox.rule_bodies import GroupChange, Members, NewGroup
from ways_device.sandbox.wire import Json

router = APIRouter(prefix="/v1/iot/groups")

_Ids = Annotated[list[Id], Field(max_length=1000)]


@router.get("")
async def list_groups(the: The) -> Json:
    return {"groups": the.groups.all()}


@router.post("", status_code=201)
async def create(the: The, body: NewGroup) -> Json:
    return the.groups.create(body.given())


@router.get("/{group_id}")
async def get(the: The, group_id: str) -> Json:
    return the.groups.get(group_id)


@router.put("/{group_id}")
async def update(the: The, group_id: str, body: GroupChange) -> Json:
    return the.groups.update(group_id, body.given())


@router.delete("/{group_id}", status_code=204)
async def delete(the: The, group_id: str) -> None:
    the.groups.delete(group_id)


# The reference sends an object; a bare array is what it does for tags.
@router.post("/{group_id}/devices")
async def add_devices(the: The, group_id: str, body: _Ids | Members) -> Json:
    device_ids = body.device_ids if isinstance(body, Members) else body
    added = the.groups.add(group_id, device_ids)
    return {"count": len(added), "added": added}


@router.delete("/{group_id}/devices/{device_id}", status_code=204)
async def remove_device(the: The, group_id: str, device_id: str) -> None:
    the.groups.remove(group_id, device_id)
