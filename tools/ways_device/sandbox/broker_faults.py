"""The faults of the broker, each at its time: refuse, kick, restart."""

import asyncio
import contextlib
import heapq
import itertools
import time
from collections.abc import Awaitable, Callable

from ways_device.sandbox.access import Access
from ways_device.sandbox.api_errors import AbsentError
from ways_device.sandbox.devices import Devices
from ways_device.sandbox.fault_plan import AnyMqtt, KickFault, RefuseFault, RestartFault
from ways_device.sandbox.faults import Faults
from ways_device.sandbox.wire import Json

_Step = Callable[[], Awaitable[None]]


class BrokerFaults:
    """What a fault has done is undone when its time is over, or its plan is."""

    def __init__(
        self,
        faults: Faults,
        devices: Devices,
        access: Access,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._faults = faults
        self._devices = devices
        self._access = access
        self._clock_s = clock_s
        # Begins and ends to come, (when, order of entry, step); ends survive the plan.
        self._begins: list[tuple[float, int, _Step]] = []
        self._ends: list[tuple[float, int, _Step]] = []
        self._order = itertools.count()
        self._news = asyncio.Event()
        self._down_until_s = 0.0
        self._refused_until_s: dict[str, float] = {}
        faults.on_mqtt = self.put

    def put(self, plan: list[AnyMqtt]) -> None:
        """Take over the faults of a plan; its time begins now."""
        now_s = self._clock_s()
        self._begins = [(now_s + one.at_s, next(self._order), self._step(one)) for one in plan]
        heapq.heapify(self._begins)
        # Whatever the plan before did is over.
        self._ends = [(now_s, order, step) for _, order, step in self._ends]
        heapq.heapify(self._ends)
        self._refused_until_s = dict.fromkeys(self._refused_until_s, now_s)
        self._down_until_s = min(self._down_until_s, now_s)
        self._news.set()

    async def run(self) -> None:
        """Play begins and ends at their times, for ever. Raises ToolError if the broker fails."""
        while True:
            self._news.clear()
            wait_s = await self._play_due()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._news.wait(), wait_s)

    async def _play_due(self) -> float | None:
        """Play what is due. Returns after how many seconds the next is, None if nothing is."""
        while True:
            # An end goes before a begin of the same moment.
            queues = [queue for queue in (self._ends, self._begins) if queue]
            if not queues:
                return None
            queue = min(queues, key=lambda one: one[0][0])
            wait_s = queue[0][0] - self._clock_s()
            if wait_s > 0:
                return wait_s
            await heapq.heappop(queue)[2]()

    def _step(self, fault: AnyMqtt) -> _Step:
        async def begin() -> None:
            with contextlib.suppress(AbsentError):
                await self.happen(fault)

        return begin

    async def happen(self, fault: AnyMqtt) -> Json:
        """Have a fault happen now; what ends it comes by itself. Returns its entry in the log.

        Raises AbsentError if it names a device that is not registered.
        """
        entry: Json = {**fault.model_dump(mode="json", exclude_none=True)}
        if isinstance(fault, RestartFault):
            entry["done"] = True
            self._faults.note("mqtt", entry)
            await self._restart(fault.for_s)
            return entry
        known = [login.device_id for login in self._devices.logins()]
        wanted = known if fault.device_id is None else [fault.device_id]
        entry["done"] = set(wanted) <= set(known)
        self._faults.note("mqtt", entry)
        for device_id in wanted:
            await self._at_device(fault, device_id)
        return entry

    async def _at_device(self, fault: RefuseFault | KickFault, device_id: str) -> None:
        if isinstance(fault, KickFault):
            await self._access.kick(device_id)
            return
        await self._access.refuse(device_id)
        until_s = self._clock_s() + fault.for_s
        self._refused_until_s[device_id] = max(until_s, self._refused_until_s.get(device_id, 0))

        async def admit() -> None:
            # Another fault may refuse it for longer.
            if self._refused_until_s.get(device_id, 0) <= self._clock_s():
                self._refused_until_s.pop(device_id, None)
                await self._access.admit(device_id)

        self._end(until_s, admit)

    async def _restart(self, for_s: float) -> None:
        await self._access.stop_broker()
        until_s = self._clock_s() + for_s
        self._down_until_s = max(self._down_until_s, until_s)

        async def start() -> None:
            if self._down_until_s <= self._clock_s():
                await self._access.start_broker()

        self._end(until_s, start)

    def _end(self, when_s: float, step: _Step) -> None:
        heapq.heappush(self._ends, (when_s, next(self._order), step))
        self._news.set()
