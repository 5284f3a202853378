"""Who is let in: keeps the list of devices and the broker's logins in step.

The database is the truth; the broker is told while it runs, and starts from the database
otherwise. So devices can be registered and deleted while the broker is stopped.
"""

import asyncio
from dataclasses import replace

from ways_device.errors import ToolError
from ways_device.sandbox import dynsec
from ways_device.sandbox.broker import Broker
from ways_device.sandbox.devices import Devices, Login
from ways_device.sandbox.dynsec import Control, ControlError
from ways_device.sandbox.keys import hashed, new_password
from ways_device.sandbox.subscriber import Subscriber
from ways_device.sandbox.subscription import Subscription
from ways_device.sandbox.wire import Json

_READY_S = 10
_RETAINED = ("status", "attributes", "config")


class Access:
    def __init__(
        self,
        devices: Devices,
        subscription: Subscription,
        broker: Broker,
        control: Control,
        subscriber: Subscriber,
    ) -> None:
        self._devices = devices
        self._subscription = subscription
        self._broker = broker
        self._control = control
        self._subscriber = subscriber
        # Devices whose login is refused for a while, as a fault.
        self._refused: set[str] = set()

    async def register(self, fields: Json) -> tuple[str, str]:
        """Add a device. Returns its id and its password, which nobody can tell again.

        Raises TakenError if the id is taken, FullError if the plan has no room for it.
        """
        password = new_password()
        async with self._broker.lock:
            with self._subscription.room():
                device_id = self._devices.create(fields, hashed(password))
            await self._tell(dynsec.create(device_id, password))
        return device_id, password

    async def update(self, device_id: str, fields: Json) -> Json:
        """Change a device; one made inactive loses its session. Raises AbsentError."""
        async with self._broker.lock:
            was_active = bool(self._devices.row(device_id)["is_active"])
            self._devices.update(device_id, fields)
            is_active = fields.get("is_active", was_active)
            if is_active != was_active:
                is_let_in = is_active and device_id not in self._refused
                await self._tell(dynsec.enable(device_id, is_let_in))
        return self._devices.get(device_id)

    async def delete(self, device_id: str) -> None:
        """Throw a device out and forget it with all its data. Raises AbsentError."""
        async with self._broker.lock:
            self._devices.delete(device_id)
            self._refused.discard(device_id)
            await self._tell(dynsec.delete(device_id))
            for name in _RETAINED:
                await self._control.clear_retained(f"devices/{device_id}/{name}")

    def logins(self) -> list[Login]:
        """Return the logins as the broker has to know them now."""
        return [
            replace(login, is_active=login.is_active and login.device_id not in self._refused)
            for login in self._devices.logins()
        ]

    async def refuse(self, device_id: str) -> None:
        """Throw a device out, and refuse its login until admit(). Raises AbsentError."""
        async with self._broker.lock:
            self._devices.row(device_id)
            self._refused.add(device_id)
            await self._tell(dynsec.enable(device_id, False))

    async def admit(self, device_id: str) -> None:
        """End refuse(), unless the device was deleted in the meantime."""
        async with self._broker.lock:
            if device_id in self._refused:
                self._refused.discard(device_id)
                is_active = bool(self._devices.row(device_id)["is_active"])
                await self._tell(dynsec.enable(device_id, is_active))

    async def kick(self, device_id: str) -> None:
        """Close a device's session; it may log in again at once. Raises AbsentError."""
        async with self._broker.lock:
            is_active = bool(self._devices.row(device_id)["is_active"])
            if is_active and device_id not in self._refused:
                again = dynsec.enable(device_id, True)
                await self._tell([*dynsec.enable(device_id, False), *again])

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
