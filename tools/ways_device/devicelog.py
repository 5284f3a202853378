"""Listening to a board: its log lines as values. Only ever reads: typing would stop the agent."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType

from ways_device.errors import BoardError
from ways_device.serialport import Serial, close_port, open_port

_LINE = re.compile(r"(\d+) ([EWID]) (\w+) (\w+)((?: \w+=.*)?)")
_FIELD = re.compile(r" (\w+)=")
# A board that resets may take its USB port along for a moment.
_BACK_S = 10.0
_LINE_LIMIT_BYTES = 4096


@dataclass(frozen=True)
class LogLine:
    """One line of the agent's log."""

    uptime_ms: int
    level: str
    module: str
    event: str
    fields: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        pairs = [f"{key}={value}" for key, value in self.fields.items()]
        return " ".join([self.module, self.event, *pairs])


def parse(text: str) -> LogLine | None:
    """Return the log line in text, or None if it is something else. Values may hold spaces."""
    found = _LINE.fullmatch(text.strip())
    if found is None:
        return None
    parts = _FIELD.split(found[5])
    fields = dict(zip(parts[1::2], parts[2::2], strict=True))
    return LogLine(int(found[1]), found[2], found[3], found[4], fields)


class Listener:
    """The open port of a board that is left alone. Use as a context manager."""

    def __init__(self, port: str) -> None:
        self._port = port
        self._link: Serial | None = None
        self._rest = b""

    def __enter__(self) -> "Listener":
        self._link = open_port(self._port)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._link is not None:
            close_port(self._link)

    def lines(self, wait_s: float) -> Iterator[str]:
        """Yield the whole lines that arrive within wait_s, as text."""
        end_s = time.monotonic() + wait_s
        while True:
            self._rest += self._read()
            *whole, self._rest = self._rest.split(b"\n")
            for line in whole:
                yield line.decode("utf-8", "replace").rstrip("\r")
            self._rest = self._rest[-_LINE_LIMIT_BYTES:]
            if time.monotonic() >= end_s:
                return

    def _read(self) -> bytes:
        try:
            assert self._link is not None
            return bytes(self._link.read(max(1, self._link.in_waiting)))
        except OSError:
            self._reopen()
            return b""

    def _reopen(self) -> None:
        end_s = time.monotonic() + _BACK_S
        if self._link is not None:
            close_port(self._link)
            self._link = None
        while self._link is None:
            try:
                self._link = open_port(self._port)
            except BoardError:
                if time.monotonic() > end_s:
                    raise
                time.sleep(0.2)
