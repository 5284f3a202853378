"""Hands out the page's files. They hold no data, so they are all that needs no key.

Whatever the page shows it asks of the API, with the key its user gave it. The headers let it run
its own files and speak to its own origin, and nothing else.
"""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# With Trusted Types required and no policy allowed, no script can turn text into HTML.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Kept, but asked for again: another version of the sandbox may serve another page.
    "Cache-Control": "no-cache",
    "Vary": "Accept-Encoding",
}


@dataclass(frozen=True)
class _File:
    body: bytes
    packed: bytes
    media_type: str
    etag: str


class Shell:
    """ASGI application for exactly the paths that serves() names."""

    def __init__(self) -> None:
        files = {
            f"/{path.name}": _File(
                body, gzip.compress(body), _TYPES[path.suffix], f'W/"{_digest(body)}"'
            )
            for path in Path(__file__).parent.iterdir()
            if path.suffix in _TYPES
            for body in [path.read_bytes()]
        }
        files["/"] = files.pop("/index.html")
        self._files = files

    def serves(self, scope: Scope) -> bool:
        return scope["method"] in ("GET", "HEAD") and scope["path"] in self._files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        file = self._files[scope["path"]]
        asked = Headers(scope=scope)
        headers = {**_HEADERS, "ETag": file.etag}
        if asked.get("if-none-match") == file.etag:
            answer = Response(status_code=304, headers=headers)
        elif "gzip" in asked.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            answer = Response(file.packed, headers=headers, media_type=file.media_type)
        else:
            answer = Response(file.body, headers=headers, media_type=file.media_type)
        # A HEAD gets the same headers; the server leaves the body out.
        await answer(scope, receive, send)


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:16]
