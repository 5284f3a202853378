"""/v1/iot/notifications"""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends

from ways_device.sandbox.channel_config import ChannelType
from ways_device.sandbox.deliveries import DeliveryFilter
from ways_device.sandbox.notification_bodies import (
    ChannelChange,
    NewChannel,
    NewPolicy,
    PolicyChange,
)
from ways_device.sandbox.paging import Window, window
from ways_device.sandbox.platform import The
from ways_device.sandbox.wire import Json

router = APIRouter(prefix="/v1/iot/notifications")

_Window = Annotated[Window, Depends(window(50))]


@router.get("/channels")
async def list_channels(the: The) -> Json:
    return {"channels": the.notifications.channels.all()}


@router.post("/channels", status_code=201)
async def create_channel(the: The, body: NewChannel) -> Json:
    return the.notifications.channels.create(body.given())


@router.get("/channels/{channel_id}")
async def get_channel(the: The, channel_id: str) -> Json:
    return the.notifications.channels.get(channel_id)


@router.put("/channels/{channel_id}")
async def update_channel(the: The, channel_id: str, body: ChannelChange) -> Json:
    return the.notifications.channels.update(channel_id, body.given())


@router.delete("/channels/{channel_id}", status_code=204)
async def delete_channel(the: The, channel_id: str) -> None:
    the.notifications.channels.delete(channel_id)


@router.post("/channels/{channel_id}/test")
async def test_channel(the: The, channel_id: str) -> Json:
    return await the.notifications.sender.test(channel_id)


@router.get("/policies")
async def list_policies(the: The) -> Json:
    return {"policies": the.notifications.policies.all()}


@router.post("/policies", status_code=201)
async def create_policy(the: The, body: NewPolicy) -> Json:
    return the.notifications.policies.create(body.given())


@router.get("/policies/{policy_id}")
async def get_policy(the: The, policy_id: str) -> Json:
    return the.notifications.policies.get(policy_id)


@router.put("/policies/{policy_id}")
async def update_policy(the: The, policy_id: str, body: PolicyChange) -> Json:
    return the.notifications.policies.update(policy_id, body.given())


@router.delete("/policies/{policy_id}", status_code=204)
async def delete_policy(the: The, policy_id: str) -> None:
    the.notifications.policies.delete(policy_id)


@router.get("/deliveries")
async def list_deliveries(
    the: The,
    part: _Window,
    channel_type: ChannelType | None = None,
    status: Literal["pending", "queued", "delivered", "sent", "failed"] | None = None,
    created_after: datetime | None = None,
) -> Json:
    which = DeliveryFilter(channel_type, status, created_after)
    return the.notifications.deliveries.page(which, part)
