"""Finds the readings of the flash log, one after the other, and steps over what is damaged."""

import os

from firmware import files, segment


class LogReader:
    def __init__(self, folder, owner):
        """owner is whose segments count; those of another device are passed over."""
        self.folder = folder
        self.owner = owner
        self.buf = memoryview(bytearray(512))
        self._held = (0, 0, 0)  # what is in _buf: of which segment, from where, how much
        self.head = (0, None)  # number and header of the segment read last
        # The entry found last.
        self.boot = self.seq = self.shape = self.known = self.stamp = self.at = 0
        self.damage = 0  # bytes before it that were no entry

    def path(self, name, kind=".log"):
        return "%s/%s%s" % (self.folder, name, kind)

    def find(self, position, last):
        """Find the first undamaged entry at or behind a position; return the position behind it.

        Returns None if there is none up to the end of segment last.
        """
        buf = self.buf
        self.damage = 0
        while position >> 13 <= last:
            number = position >> 13
            at = max(position & 8191, segment.START)
            end = self._load(number, at)
            start = self._held[1]
            at -= start
            if at >= end:  # nothing more in this one
                position = number + 1 << 13
                continue
            size = segment.size_at(buf, at, end)
            if size:
                head = self.head[1]
                self.shape, self.at = head[1], at
                self.boot, self.seq, self.known, self.stamp = segment.parse(head, buf, at)
                return (number << 13) + start + at + size
            self.damage += 1
            position = (number << 13) + start + at + 1
        return None

    def record_into(self, view):
        """Write the record of the entry found last to view; return its size."""
        return segment.record_into(view, self.known, self.stamp, self.buf, self.at)

    def points(self, shape):
        """Return the text of the datapoints of records of this shape. Raises OSError."""
        with open(self.path("%08x" % shape, ".pts"), "rb") as file:
            return file.read()

    def keep_points(self, shape, text):
        """Write the text of the datapoints that records of this shape have, unless it is there."""
        path = self.path("%08x" % shape, ".pts")
        try:
            os.stat(path)
        except OSError:
            files.replace(path, text)

    def forget_points(self, shape):
        """Remove the texts of all shapes but this one."""
        own = "%08x.pts" % shape
        for item in os.ilistdir(self.folder):
            if item[0].endswith(".pts") and item[0] != own:
                os.remove("%s/%s" % (self.folder, item[0]))

    def forget(self):
        """Read anew: a segment has grown, or is gone."""
        self._held = (0, 0, 0)

    def _load(self, number, offset):
        """See that _buf holds what a segment has at offset; return how much it holds."""
        held, start, end = self._held
        # As far as the longest entry reaches, or to the end of the segment.
        if (
            held == number
            and start <= offset
            and (offset + 270 <= start + end or end < len(self.buf))
        ):
            return end
        self._held = (number, offset, 0)
        try:
            with open(self.path(number), "rb") as file:
                if self.head[0] != number:
                    self.head = (number, None)
                    if file.readinto(self.buf[: segment.START]) == segment.START:
                        self.head = (number, segment.parse_header(self.buf))
                head = self.head[1]
                if head and head[0] == self.owner:
                    file.seek(offset)
                    self._held = (number, offset, file.readinto(self.buf))
        except OSError:  # removed, or not readable: nothing there
            self.head = (0, None)
        return self._held[2]
