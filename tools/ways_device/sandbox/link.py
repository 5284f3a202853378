"""HTTP connections that a fault can cut at a byte of the answer."""

import asyncio
from typing import Any

from ways_device.sandbox.patience import Patient


class Cuttable(Patient):
    """Gives the application `cut`, in the state of each request's scope."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        link = _Link(transport)
        self.app_state = {**self.app_state, "cut": link.cut}
        # It has all that the protocol asks of a transport.
        super().connection_made(link)  # type: ignore[arg-type]


class _Link:
    """A transport that can be told after how many more bytes the connection ends."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._left: int | None = None

    def cut(self, left: int) -> None:
        """Let so many more bytes go to the client; what is written after them closes it."""
        self._left = left

    def write(self, data: bytes) -> None:
        if self._left is None:
            self._transport.write(data)
            return
        part = data[: self._left]
        self._left -= len(part)
        if part:
            self._transport.write(part)
        if not self._left:
            self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
