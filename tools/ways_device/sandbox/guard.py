"""The door of the API: every request needs the key, no body is larger than BODY_MAX_BYTES.

Both are checked before any route is looked for, so no route can be without them. Only the files
of the page, which hold no data, are handed out to anybody.
"""

from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ways_device.sandbox.dialect import Dialect
from ways_device.sandbox.page.shell import Shell

BODY_MAX_BYTES = 1_000_000
_BEARER = "Bearer "
_TOO_LARGE = f"Body larger than {BODY_MAX_BYTES} bytes"


class Guard:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, is_key: Callable[[str], bool], dialect: Dialect) -> None:
        self._app = app
        self._is_key = is_key
        self._dialect = dialect
        self._shell = Shell()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if self._shell.serves(scope):
            await self._shell(scope, receive, send)
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
            return self._refused(401, "Missing API key: send it as X-API-Key")
        if not self._is_key(key):
            return self._refused(401, "Invalid API key")
        declared = headers.get("content-length", "0")
        if declared.isdecimal() and int(declared[:20]) > BODY_MAX_BYTES:
            return self._refused(413, _TOO_LARGE)
        return None

    def _refused(self, status: int, message: str) -> JSONResponse:
        return JSONResponse(self._dialect.refusal(status, message), status)


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
