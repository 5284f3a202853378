"""What goes to devices: commands at once, settings whenever what the broker holds is not so.

    devices/<id>/commands    QoS 1: waits in the broker for a device that keeps its session
    devices/<id>/config      QoS 1 and retained: who subscribes later gets it too

The reference has no call for either, so all of this is ours.
"""

import asyncio
from collections.abc import Callable

from ways_device.errors import ToolError
from ways_device.sandbox import wire
from ways_device.sandbox.commands import Commands
from ways_device.sandbox.configs import Configs
from ways_device.sandbox.devices import Devices
from ways_device.sandbox.dynsec import CONFIGS, Control, ControlError
from ways_device.sandbox.wire import Json

_RETRY_S = 0.5


class Downlink:
    """Settings are published by run(), so that no call waits for it, nor for a stopped broker."""

    def __init__(
        self,
        control: Control,
        is_broker_up: Callable[[], bool],
        devices: Devices,
        commands: Commands,
        configs: Configs,
    ) -> None:
        self._control = control
        self._is_broker_up = is_broker_up
        self._devices = devices
        self._commands = commands
        self._configs = configs
        self._news = asyncio.Event()
        # In the order of their changes.
        self._changed: dict[str, None] = {}
        # Whether the broker may hold something else than it was told: it was away.
        self._is_unsure = True
        configs.on_change = self._on_change
        control.on_ready = self._on_ready

    async def command(self, device_id: str, fields: Json) -> Json:
        """Send a command; return its record, in which the device's answers will be.

        Raises AbsentError, TakenError, and ToolError if the broker did not take it: then there is
        no record.
        """
        was_online = bool(self._devices.row(device_id)["is_online"])
        if not self._is_broker_up():
            raise ToolError("the broker does not run: nothing was sent")
        document = self._commands.create(device_id, fields, was_online)
        payload = wire.dump(document).encode()
        try:
            await self._control.publish(f"devices/{device_id}/commands", payload)
        except ControlError as exc:
            self._commands.forget(device_id, document["id"])
            raise ToolError(
                f"the broker did not confirm the command ({exc}): it may be sent all the same;"
                f" send it again, under the id {document['id']}"
            ) from exc
        return self._commands.get(device_id, document["id"])

    async def run(self) -> None:
        """Keep what the broker holds as it has to be, for ever."""
        self._configs.refresh_all()  # of a state folder that knew no settings yet
        while True:
            await self._news.wait()
            await self._control.ready.wait()
            self._news.clear()
            try:
                await self._publish()
            except ControlError:
                self._is_unsure = True
                self._news.set()
                await asyncio.sleep(_RETRY_S)

    async def _publish(self) -> None:
        if self._is_unsure:
            self._is_unsure = False
            held = await self._control.retained(CONFIGS)
            names = {topic.split("/")[1]: payload for topic, payload in held.items()}
            for device_id in sorted({*names, *self._configs.told()}):
                if names.get(device_id, b"") != self._configs.payload(device_id):
                    self._changed[device_id] = None
        while self._changed:
            device_id = next(iter(self._changed))
            del self._changed[device_id]
            payload = self._configs.payload(device_id)
            await self._control.publish(f"devices/{device_id}/config", payload, retain=True)

    def _on_change(self, device_id: str) -> None:
        self._changed[device_id] = None
        self._news.set()

    def _on_ready(self) -> None:
        self._is_unsure = True
        self._news.set()
