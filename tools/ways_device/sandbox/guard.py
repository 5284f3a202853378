"""The door of the API: every request needs the key, no body is larger than BODY_MAX_BYTES.

Both are checked before any route is looked for, so no route can be without them.
"""

from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_MAX_BYTES = 1_000_000
_BEARER = "Bearer "
_TOO_LARGE = f"Body larger than {BODY_MAX_BYTES} bytes"


class Guard:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, is_key: Callable[[str], bool]) -> None:
        self._app = app
        self._is_key = is_key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(headers)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        await self._app(scope, _limited(receive), send)

    def _refusal(self, headers: Headers) -> JSONResponse | None:
        key = headers.get("x-api-key")
        bearer = headers.get("authorization", "")
        if key is None and bearer.startswith(_BEARER):
            key = bearer[len(_BEARER) :]
        if key is None:
            return JSONResponse({"detail": "Missing API key: send it as X-API-Key"}, 401)
        if not self._is_key(key):
            return JSONResponse({"detail": "Invalid API key"}, 401)
        declared = headers.get("content-length", "0")
        if declared.isdecimal() and int(declared[:20]) > BODY_MAX_BYTES:
            return JSONResponse({"detail": _TOO_LARGE}, 413)
        return None


def _limited(receive: Receive) -> Receive:
    """Return receive with a limit, for bodies that do not declare their length."""
    seen_bytes = 0

    async def counting() -> Message:
        nonlocal seen_bytes
        message = await receive()
        seen_bytes += len(message.get("body", b""))
        if seen_bytes > BODY_MAX_BYTES:
            raise HTTPException(413, _TOO_LARGE)
        return message

    return counting
