"""The newest readings in RAM: a buffer of fixed size, oldest first.

An entry is u8 size of the record, u16 when it was taken (s of uptime, it wraps), u32 seq, record.
The first `in_flight` entries are on the way to the broker; of those, the first `copied` stand
in the flash log too.
"""

import struct

from micropython import const

_ENTRY = const("<BHI")
_ENTRY_SIZE = const(7)
_MOST_DONE = const(8)


class Front:
    def __init__(self, capacity):
        """capacity is in bytes."""
        self.buf = memoryview(bytearray(capacity))
        self.end = 0
        self.count = self.in_flight = self.copied = 0
        # Runs of seqs, [first, last], that the log has too and the broker got from here.
        self.done = []

    def append(self, uptime_s, seq, record):
        """Return False if there is no room."""
        size = _ENTRY_SIZE + len(record)
        if self.end + size > len(self.buf):
            return False
        struct.pack_into(_ENTRY, self.buf, self.end, len(record), uptime_s & 0xFFFF, seq)
        self.buf[self.end + _ENTRY_SIZE : self.end + size] = record
        self.end += size
        self.count += 1
        return True

    def at(self, number):
        """Return (seq, record) of an entry."""
        at = self._offset(number)
        size, _, seq = struct.unpack_from(_ENTRY, self.buf, at)
        at += _ENTRY_SIZE
        return seq, self.buf[at : at + size]

    def age_s(self, uptime_s):
        """Return for how long the oldest entry that only RAM holds has been there, 0 for none."""
        if self.copied == self.count:
            return 0
        taken_s = struct.unpack_from(_ENTRY, self.buf, self._offset(self.copied))[1]
        return uptime_s - taken_s & 0xFFFF

    def first(self):
        """Return the seq of the oldest entry that only RAM holds, None for none."""
        return self.at(self.copied)[0] if self.copied < self.count else None

    def has_copy(self, seq):
        """Tell whether the log has a copy of what is in flight from here under this seq."""
        number = self.copied
        while number and self.at(number - 1)[0] != seq:
            number -= 1
        return number > 0

    def ack(self, count):
        """Remove the oldest: the broker has them. The log may have copies, which are done then."""
        for number in range(min(count, self.copied)):
            seq = self.at(number)[0]
            if self.done and self.done[-1][1] + 1 == seq:
                self.done[-1][1] = seq
            else:
                self.done.append([seq, seq])
        del self.done[:-_MOST_DONE]  # what is forgotten arrives twice
        self.remove(0, count)
        self.in_flight -= count
        self.copied -= min(count, self.copied)

    def is_done(self, seq):
        for first, last in self.done:
            if first <= seq <= last:
                break
        else:
            return False
        return True

    def remove(self, start, count):
        """Remove count entries from number start on."""
        at, end = self._offset(start), self._offset(start + count)
        self.buf[at : at + self.end - end] = self.buf[end : self.end]
        self.end -= end - at
        self.count -= count

    def _offset(self, number):
        at = 0
        for _ in range(number):
            at += self.buf[at] + _ENTRY_SIZE
        return at
