"""The serial port the host sees: a pty that behaves like a wire with nobody at its end, or one.

What the board prints is never held up for long by a host that does not read, and what a host
finds when it opens the port is recent: of what nobody read, the last 2 KB are kept.
"""

import os
import termios
import time

from ways_device.vboard import pty_pair

_KEPT = 2048
# A host that reads at all reads more often than this.
_PATIENCE_S = 2.0
# How often what nobody reads is renewed; also time enough for the kernel to hand it over.
_RENEW_S = 0.05


class Port:
    def __init__(self) -> None:
        # The slave is held open: between two hosts the port must stay raw.
        self.fd, self._slave = pty_pair.open_raw()
        self.path = os.ttyname(self._slave)
        # What the host cannot get yet; the last of all there was, got or not.
        self._waiting = b""
        self.recent = b""
        # Unread bytes at the last look, and when there were fewer than at the look before.
        self._unread = 0
        self._read_at_s = time.monotonic()
        # Nobody reads: the board is not held up, and the port has what is recent.
        self._is_deserted = False
        self._renewed_at_s = 0.0

    def close(self) -> None:
        os.close(self.fd)
        os.close(self._slave)

    def read(self) -> bytes:
        """Return what the host has sent by now."""
        try:
            return os.read(self.fd, 65536)
        except BlockingIOError:
            return b""

    def write(self, data: bytes) -> None:
        """Send data to the host, as far as there is room."""
        self.recent = (self.recent + data)[-_KEPT:]
        self._waiting += data
        self.flush()

    @property
    def has_more(self) -> bool:
        """Whether something waits for its time: call flush() soon."""
        return bool(self._waiting)

    @property
    def is_blocked(self) -> bool:
        """Whether a host is reading that has not caught up: better not write for now."""
        return bool(self._waiting) and not self._is_deserted

    def flush(self) -> None:
        """Send what waits, or give the host up if it has not read for too long."""
        now_s = time.monotonic()
        if self._is_deserted and now_s - self._renewed_at_s < _RENEW_S:
            return
        unread = pty_pair.unread(self._slave)
        if unread < self._unread or not unread:
            self._read_at_s = now_s
            self._is_deserted = False
        elif self._waiting and now_s - self._read_at_s > _PATIENCE_S:
            self._is_deserted = True
        if self._is_deserted:
            if self._waiting:
                self._renew(now_s)
            return
        self._unread = unread
        room = pty_pair.ROOM - unread
        if room > 0 and self._waiting:
            self._waiting = self._waiting[pty_pair.put(self.fd, self._waiting[:room]) :]

    def _renew(self, now_s: float) -> None:
        """Put what is recent in the place of what nobody has read."""
        termios.tcflush(self._slave, termios.TCIFLUSH)
        self._unread = pty_pair.put(self.fd, self.recent)
        self._waiting = b""
        self._renewed_at_s = now_s
