"""HTTP connections that do not wait for ever for a request to arrive whole."""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

_REQUEST_S = 10


class Patient(H11Protocol):
    """uvicorn's protocol, which has a limit for idle connections but none for slow requests."""

    _limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._limit = self.loop.call_later(_REQUEST_S, transport.close)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        state = self.conn.their_state
        is_partial = state is h11.SEND_BODY or (
            state is h11.IDLE and bool(self.conn.trailing_data[0])
        )
        if not is_partial:
            self._settle()
        elif self._limit is None:
            self._limit = self.loop.call_later(_REQUEST_S, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._settle()
        super().connection_lost(exc)

    def _settle(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
