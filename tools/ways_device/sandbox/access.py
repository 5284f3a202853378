"""Who is let in: keeps the list of devices and the broker's logins in step.

The database is the truth; the broker is told while it runs, and starts from the database
otherwise. So devices can be registered and deleted while the broker is stopped.
"""

import asyncio

from ways_device.errors import ToolError
from ways_device.sandbox import dynsec
from ways_device.sandbox.broker import Broker
from ways_device.sandbox.devices import Devices
from ways_device.sandbox.dynsec import Control, ControlError
from ways_device.sandbox.keys import hashed, new_password
from ways_device.sandbox.subscriber import Subscriber
from ways_device.sandbox.wire import Json

_READY_S = 10
_RETAINED = ("status", "attributes")


class Access:
    def __init__(
        self, devices: Devices, broker: Broker, control: Control, subscriber: Subscriber
    ) -> None:
        self._devices = devices
        self._broker = broker
        self._control = control
        self._subscriber = subscriber

    async def register(self, fields: Json) -> Json:
        """Add a device. Returns it with its login, which is not shown again. Raises TakenError."""
        password = new_password()
        async with self._broker.lock:
            device_id = self._devices.create(fields, hashed(password))
            await self._tell(dynsec.create(device_id, password))
        return {
            **self._devices.get(device_id),
            "mqtt_username": device_id,
            "mqtt_password": password,
            "mqtt_client_id": device_id,
        }

    async def update(self, device_id: str, fields: Json) -> Json:
        """Change a device; one made inactive loses its session. Raises AbsentError."""
        async with self._broker.lock:
            was_active = bool(self._devices.row(device_id)["is_active"])
            self._devices.update(device_id, fields)
            is_active = fields.get("is_active", was_active)
            if is_active != was_active:
                await self._tell(dynsec.enable(device_id, is_active))
        return self._devices.get(device_id)

    async def delete(self, device_id: str) -> None:
        """Throw a device out and forget it with all its data. Raises AbsentError."""
        async with self._broker.lock:
            self._devices.delete(device_id)
            await self._tell(dynsec.delete(device_id))
            for name in _RETAINED:
                await self._control.clear_retained(f"devices/{device_id}/{name}")

    async def start_broker(self) -> None:
        """Start the broker; return when devices are let in and what they send is read.

        Raises ToolError if that is not so in time.
        """
        await self._broker.start()
        ready = asyncio.gather(self._control.ready.wait(), self._subscriber.subscribed.wait())
        try:
            await asyncio.wait_for(ready, _READY_S)
        except asyncio.TimeoutError as exc:
            raise ToolError(f"the broker let nobody in within {_READY_S} s") from exc

    async def stop_broker(self) -> None:
        await self._broker.stop()

    def is_broker_up(self) -> bool:
        return self._broker.up.is_set()

    async def _tell(self, commands: list[Json]) -> None:
        """Have a running broker do commands. One that does not is replaced by one that knows."""
        if not self._broker.up.is_set():
            return
        try:
            await self._control.request(commands)
        except ControlError:
            self._broker.kill()
