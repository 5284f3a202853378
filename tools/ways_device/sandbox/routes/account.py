"""/v1/iot/credentials, subscription, usage and stats: what belongs to the account as a whole."""

from fastapi import APIRouter

from ways_device.sandbox.platform import The
from ways_device.sandbox.wire import Json

router = APIRouter(prefix="/v1/iot")


@router.get("/credentials")
async def credentials(the: The) -> Json:
    """Where devices connect to. Their passwords are told at registration only."""
    return the.dialect.where(the.mqtt_host, the.mqtt_tls_port, the.devices.all)


@router.get("/subscription")
async def subscription(the: The) -> Json:
    return the.subscription.view()


@router.get("/usage")
async def usage(the: The) -> Json:
    return the.overview.usage()


@router.get("/stats")
async def stats(the: The) -> Json:
    return the.overview.stats()
