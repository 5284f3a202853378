"""The platform, asked by many boards at once: few requests at a time, and an end for all of them.

A key that is refused, or a plan that is full, stops the run: the next board would fare no better.
"""

import random
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import httpx

from ways_device.api.answers import Answer
from ways_device.api.client import Client
from ways_device.api.platform import Platform
from ways_device.errors import AmbiguousError, ApiError, AuthError
from ways_device.fleet.stop import Gate, Stop

# A fleet is worth more patience than one device: a call that fails costs a whole board's turn.
_ATTEMPTS = 12
_BUSY_ATTEMPTS = 6
_BUSY_WAIT_S = 2.0
# The documents do not say which of these a full plan is.
_MAYBE_FULL = (
    HTTPStatus.PAYMENT_REQUIRED,
    HTTPStatus.CONFLICT,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
)


class PlanFullError(ApiError):
    """The account's plan allows no further device."""


class FleetClient(Client):
    """A client for several threads; sleep is that of the tests, which have no time."""

    def __init__(
        self,
        origin: str,
        key: str,
        stop: Stop,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        super().__init__(
            origin, key, transport, sleep or stop.sleep, attempts=_ATTEMPTS, gate=Gate(stop)
        )
        self.stop = stop
        self.sleep = sleep or stop.sleep

    def call(
        self,
        method: str,
        *parts: str,
        body: Any = None,
        params: dict[str, str] | None = None,
        repeat: bool | None = None,
    ) -> Answer:
        """As Client.call(); a refused key ends the run before anybody else asks again."""
        try:
            return super().call(method, *parts, body=body, params=params, repeat=repeat)
        except AuthError as exc:
            self.stop.set(exc)
            raise


class FleetPlatform(Platform):
    """Tells a plan that is full from a platform that is busy."""

    def __init__(self, client: FleetClient) -> None:
        super().__init__(client)
        self._stop = client.stop
        self._sleep = client.sleep

    def register(self, device_id: str, name: str, metadata: dict[str, str]) -> Answer:
        for attempt in range(1, _BUSY_ATTEMPTS + 1):
            try:
                return super().register(device_id, name, metadata)
            except AmbiguousError:
                raise
            except ApiError as exc:
                if exc.status in _MAYBE_FULL:
                    self._refuse_full(exc)
                if exc.status != HTTPStatus.TOO_MANY_REQUESTS or attempt == _BUSY_ATTEMPTS:
                    raise
            self._sleep(random.uniform(0, _BUSY_WAIT_S * 2**attempt))
        raise AssertionError("the last attempt returns or raises")

    def _refuse_full(self, refusal: ApiError) -> None:
        """Raise PlanFullError, and end the run, if the plan is what the refusal is about."""
        plan = self.subscription()
        if plan.device_limit is None or plan.device_count is None:
            return
        if plan.device_count >= plan.device_limit:
            full = PlanFullError(
                f"the plan's limit of {plan.device_limit} devices is reached; get a larger plan, "
                "or delete devices that are not needed",
                refusal.status,
                refusal.body,
            )
            self._stop.set(full)
            raise full from refusal
