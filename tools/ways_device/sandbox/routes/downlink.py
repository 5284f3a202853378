"""/sandbox/devices/{device_id}/commands and .../config: ours, for the reference has none."""

from typing import Annotated

from fastapi import APIRouter, Depends

from ways_device.sandbox.downlink_bodies import NewCommand, Settings
from ways_device.sandbox.paging import Window, window
from ways_device.sandbox.platform import The
from ways_device.sandbox.wire import Json

router = APIRouter(prefix="/sandbox/devices/{device_id}")


@router.post("/commands", status_code=202)
async def send(the: The, device_id: str, body: NewCommand) -> Json:
    return await the.downlink.command(device_id, body.model_dump(exclude_none=True))


@router.get("/commands")
async def list_commands(
    the: The, device_id: str, part: Annotated[Window, Depends(window(20))]
) -> Json:
    the.devices.row(device_id)
    return the.commands.page(device_id, part)


@router.get("/commands/{command_id}")
async def get_command(the: The, device_id: str, command_id: str) -> Json:
    the.devices.row(device_id)
    return the.commands.get(device_id, command_id)


@router.get("/config")
async def get_config(the: The, device_id: str) -> Json:
    return the.configs.view(device_id)


@router.put("/config")
async def put_config(the: The, device_id: str, body: Settings) -> Json:
    """Keeps the developer's own settings that are not given; null drops one."""
    return the.configs.set_own(device_id, body)
