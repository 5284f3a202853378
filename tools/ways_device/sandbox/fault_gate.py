"""The faults of the API, between the key's check and the routes. fault_plan.py says what they do.

Nothing outside of /v1/iot is ever faulted, and no request without the key.
"""

import asyncio
import json
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ways_device.sandbox.fault_plan import (
    AnyHttp,
    CutFault,
    DelayFault,
    LostFault,
    MalformedFault,
    RedirectFault,
    StatusFault,
)
from ways_device.sandbox.faults import Faults, Hit
from ways_device.sandbox.reference import BASE

_NO_BODY = (204, 304)


class FaultGate:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        hit = None
        if scope["path"].startswith(f"{BASE}/"):
            hit = self._faults.hit(scope["method"], scope["path"])
        if hit is None:
            await self._app(scope, receive, send)
        else:
            await self._play(hit, scope, receive, send)

    async def _play(self, hit: Hit, scope: Scope, receive: Receive, send: Send) -> None:
        fault: AnyHttp = hit.fault
        if isinstance(fault, StatusFault):
            if fault.carried_out:
                await self._answer(scope, receive)
            await _refuse(fault, hit.status, send)
        elif isinstance(fault, RedirectFault):
            header = (b"location", fault.location.encode())
            await _send(send, fault.status, b"", [header])
        elif isinstance(fault, DelayFault):
            await self._delay(fault, scope, receive, send)
        elif isinstance(fault, MalformedFault):
            answer = await self._answer(scope, receive)
            await _garble(fault, answer, send)
        else:
            await self._cut(fault, scope, receive, send)

    async def _delay(self, fault: DelayFault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.hold == "request":
            request = await _whole(receive)
            await self._faults.pause(fault.delay_s)
            await self._app(scope, request, send)
            return
        answer = await self._answer(scope, receive)
        await self._faults.pause(fault.delay_s)
        for message in answer:
            await send(message)

    async def _cut(
        self, fault: CutFault | LostFault, scope: Scope, receive: Receive, send: Send
    ) -> None:
        answer = await self._answer(scope, receive)
        cut: Callable[[int], None] | None = scope.get("state", {}).get("cut")
        if cut is None:  # there is no connection, as in a test within one process
            raise ConnectionResetError("the answer is lost")
        cut(fault.at_byte if isinstance(fault, CutFault) else 0)
        for message in answer:
            await send(message)
        await asyncio.sleep(0)

    async def _answer(self, scope: Scope, receive: Receive) -> list[Message]:
        """Carry the call out; return the answer instead of sending it."""
        answer: list[Message] = []

        async def keep(message: Message) -> None:
            answer.append(message)

        await self._app(scope, receive, keep)
        return answer


async def _whole(receive: Receive) -> Receive:
    """Take in all of a request; return what gives it again, even after its client has gone."""
    taken: list[Message] = [await receive()]
    while taken[-1].get("more_body"):
        taken.append(await receive())

    async def again() -> Message:
        return taken.pop(0) if taken else await receive()

    return again


async def _refuse(fault: StatusFault, status: int, send: Send) -> None:
    headers = [(b"content-type", b"application/json")]
    body = json.dumps({"detail": f"Fault: {status}"}).encode()
    if isinstance(fault.body, str):
        headers, body = [(b"content-type", b"text/plain; charset=utf-8")], fault.body.encode()
    elif "body" in fault.model_fields_set:
        body = json.dumps(fault.body).encode()
    if fault.retry_after is not None:
        headers.append((b"retry-after", str(fault.retry_after).encode()))
    await _send(send, status, body, headers)


async def _garble(fault: MalformedFault, answer: list[Message], send: Send) -> None:
    """Send an answer with another body that has the right length but is no JSON."""
    status = answer[0]["status"]
    whole = b"".join(message.get("body", b"") for message in answer[1:])
    # Half of a number would still be JSON: what is cut is an object, an array or nothing.
    body = (whole if len(whole) > 1 else b'{"')[: max(1, len(whole) // 2)] if whole else b"{"
    if fault.body is not None:
        body = fault.body.encode()
    kept = [(name, value) for name, value in answer[0]["headers"] if name != b"content-length"]
    if not any(name == b"content-type" for name, _ in kept):
        kept.append((b"content-type", b"application/json"))
    await _send(send, 200 if status in _NO_BODY else status, body, kept)


async def _send(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})
