"""The plan of faults that is in force: which request is hit, and what happened so far.

The same seed and the same sequence of requests give the same faults, and logs of the same bytes:
each fault decides from the seed, its place in the plan and how many requests it has matched, and
nothing else. A request is hit by at most one fault, the first of the plan that falls on it; all
that match count it.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass

from ways_device.sandbox.fault_plan import AnyHttp, AnyMqtt, Plan, StatusFault, call_of
from ways_device.sandbox.wire import Json

_LOG_MAX = 10_000
_UNKNOWN = "(not of the reference)"


@dataclass(frozen=True)
class Hit:
    """A fault that falls on a request."""

    fault: AnyHttp
    # What a status fault answers; 0 for others.
    status: int


class Faults:
    """on_mqtt is told of the broker's faults whenever a plan is put in force."""

    def __init__(self) -> None:
        self.on_mqtt: Callable[[list[AnyMqtt]], None] = lambda _: None
        self._begin(Plan())

    def put(self, plan: Plan) -> None:
        """Put a plan in force from its beginning; the one before is over, with all its faults."""
        self._over.set()
        self._begin(plan)
        self.on_mqtt(list(plan.mqtt))

    def _begin(self, plan: Plan) -> None:
        self._plan = plan
        self._matched = [0] * len(plan.http)
        self._happened = [0] * len(plan.http)
        self._log: dict[str, list[Json]] = {"http": [], "mqtt": []}
        self._left_off = 0
        self._over = asyncio.Event()

    def hit(self, method: str, path: str) -> Hit | None:
        """Count a request; return what happens to it, if anything does."""
        found = None
        for number, fault in enumerate(self._plan.http):
            if not fault.matches(method, path):
                continue
            self._matched[number] += 1
            if found is None:
                found = self._decide(number, fault)
                if found is not None:
                    self._happened[number] += 1
                    self._note_hit(number, found, method, path)
        return found

    def _decide(self, number: int, fault: AnyHttp) -> Hit | None:
        count = self._matched[number]
        if count <= fault.after or self._happened[number] == fault.times:
            return None
        chance = random.Random(f"{self._plan.seed} {number} {count}")
        if chance.random() >= fault.probability:
            return None
        status = 0
        if isinstance(fault, StatusFault):
            choice = fault.status if isinstance(fault.status, list) else [fault.status]
            status = choice[chance.randrange(len(choice))]
        return Hit(fault, status)

    def _note_hit(self, number: int, hit: Hit, method: str, path: str) -> None:
        entry = {
            "fault": hit.fault.fault,
            "number": number,
            "match": self._matched[number],
            "method": method,
            # The reference's own path: ids that were made by chance differ from run to run.
            "path": call_of(method, path) or _UNKNOWN,
        }
        self.note("http", {**entry, "status": hit.status} if hit.status else entry)

    def note(self, kind: str, entry: Json) -> None:
        """Add to the log, which is bounded: what comes when it is full is only counted."""
        if len(self._log[kind]) < _LOG_MAX:
            self._log[kind].append(entry)
        else:
            self._left_off += 1

    async def pause(self, delay_s: float) -> None:
        """Wait for so long, or until the plan that is in force now is over."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._over.wait(), delay_s)

    def shown(self) -> Json:
        """Return the plan, and how often each fault of http matched and happened."""
        counts = [
            {"matched": matched, "happened": happened}
            for matched, happened in zip(self._matched, self._happened, strict=True)
        ]
        return {**self._plan.shown(), "counts": counts}

    def log(self) -> Json:
        """Return what happened under this plan, without times."""
        return {"seed": self._plan.seed, **self._log, "left_off": self._left_off}
