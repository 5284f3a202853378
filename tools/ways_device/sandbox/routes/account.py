"""/v1/iot/credentials: where devices connect to. Their logins are given at registration only."""

from fastapi import APIRouter

from ways_device.sandbox.platform import The
from ways_device.sandbox.wire import Json

router = APIRouter(prefix="/v1/iot")


@router.get("/credentials")
async def credentials(the: The) -> Json:
    """There is no plaintext and no WebSocket listener, so their ports are null."""
    return {
        "mqtt_broker": {
            "host": the.mqtt_host,
            "port": None,
            "tls_port": the.mqtt_tls_port,
            "websocket_port": None,
            "protocol": "mqtts",
        }
    }
