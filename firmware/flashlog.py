"""The log of readings in flash: numbered segment files (segment.py), in the order of readings.

A group of readings is durable when append() returns, all of it at once: littlefs shows what was
written when it is flushed, not before. Numbers only go up. A position is number * 8192 + offset;
what lies before the account's cursor is delivered. <shape>.pts keeps the text of the datapoints,
so that a record can be read after the settings have changed.
"""

import os

from micropython import const

from firmware import segment
from firmware.logreader import LogReader

_RESERVE = const(4)  # blocks: littlefs copies what it changes, so it must never run out of them
_FULL = const(28)  # ENOSPC, everywhere
_CURSOR_STEP = 64  # readings that a reset may make the log deliver again, besides the window


class FlashLog:
    def __init__(self, folder, owner, account, limit, drops_oldest, shape, text):
        """limit is in segments. A full log drops its oldest one, or takes no more.

        shape, text     the datapoints of the readings to come
        """
        self.folder = folder
        self.account = account
        self.reader = LogReader(folder, owner)
        self.limit = limit
        self.drops_oldest = drops_oldest
        self.shape = shape
        self.text = text
        # The segments there are; between first and last some may be gone.
        self.first = self.last = self.count = 0
        self.tail = None  # header of the last one while it can grow
        self.size = 0  # of that
        self._ends = []  # positions behind the entries in flight
        self._unsaved = 0
        # Damage before this position is accounted for; (boot, seq) of what peek() found last.
        self._noted, self._before = 0, None
        self.is_loss = None  # tells of (boot, seq) in the log whether dropping it loses it

    def append(self, boot, get, start, end):
        """Make readings durable; return how many were, from the first on.

        get(number)     returns (seq, record), for the numbers from start to before end
        Raises OSError if not even one was: 28 from a log that is full.
        """
        done = start
        try:
            while done < end:
                done = self._write(boot, get, done, end)
        except OSError:
            self.tail = None  # whatever stands there now: nothing is added to it
            if done == start:
                raise
        finally:
            self.reader.forget()
        return done - start

    def _write(self, boot, get, number, end):
        """Write what the last segment takes, or a new one; return the first it did not take."""
        seq, record = get(number)
        data = self.tail and segment.entry(self.tail, self.size, boot, seq, record)
        if not data:
            self._begin(boot, seq, record)
            data = segment.entry(self.tail, segment.START, boot, seq, record)
        with open(self.reader.path(self.last), "ab") as file:
            if not self.size:
                self.size = file.write(segment.header(*self.tail))
            while data:
                self.size += file.write(data)
                number += 1
                if number == end:
                    break
                data = segment.entry(self.tail, self.size, boot, *get(number))
            file.flush()
        return number

    def _begin(self, boot, seq, record):
        """Begin a new segment, in which this reading comes first."""
        self.reader.keep_points(self.shape, self.text)
        self._make_room()
        self.last += 1
        self.count += 1
        self.tail = (self.reader.owner, self.shape, boot, seq, segment.stamp_of(record))
        self.size = 0

    def _make_room(self):
        """See that one more segment fits, by dropping the oldest if that is the policy."""
        while True:
            # Block size, ..., blocks that are free.
            flash = os.statvfs(self.folder)
            if self.count < self.limit and flash[0] * flash[4] >= _RESERVE * segment.SIZE:
                return
            # What is in flight stays.
            victim = (self._ends[-1] >> 13) + 1 if self._ends else self.first
            while victim <= self.last and self.drops_oldest and not self._drop(victim):
                victim += 1
            if victim > self.last or not self.drops_oldest:
                raise OSError(_FULL)

    def _drop(self, number):
        """Give up one segment: say so durably, then remove it. Returns False if it is none."""
        account, reader = self.account, self.reader
        position = max(number << 13, account.cursor)
        while True:
            position = reader.find(position, number)
            if position is None:
                break
            if self.is_loss(reader.boot, reader.seq):
                account.drop(reader.boot, reader.seq, reader.seq, 1, "full")
        account.gone = number
        account.save()
        return self.remove(number)

    def peek(self, skip, is_done):
        """Find the entry behind the first skip in flight; return the position behind it or None.

        The reader has it then. It is in flight once take() is told.
        is_done     tells of (boot, seq) whether the broker has it already
        """
        ends, reader = self._ends, self.reader
        position = ends[skip - 1] if skip else self.account.cursor
        while True:
            position = self._find(position)
            if skip < len(ends):
                if position is None or position == ends[skip]:
                    return position
            elif position is None or not is_done(reader.boot, reader.seq):
                return position

    def _find(self, position):
        """Find the next entry at or behind a position; what was damaged before it is a loss."""
        reader = self.reader
        end = reader.find(position, self.last)
        if reader.damage and position >= self._noted:
            self._note_damage(end)
            self._noted = end or self.last + 1 << 13
        if end is not None:
            self._before = (reader.boot, reader.seq)
        return end

    def _note_damage(self, end):
        reader, before = self.reader, self._before
        # Nobody knows how many readings the damaged bytes were; so many at least.
        count = 1 + reader.damage // 17
        if end is None and before:  # behind the last entry
            self.account.drop(before[0], before[1] + 1, before[1] + count, count, "damaged")
        elif end is not None:
            last = reader.seq - 1
            if before and before[0] == reader.boot:
                count = min(count, last - before[1])
            count = min(count, reader.seq)
            if count > 0:
                self.account.drop(reader.boot, reader.seq - count, last, count, "damaged")

    def take(self, skip, end):
        """Count the entry that ends there as in flight, behind the first skip."""
        if skip == len(self._ends):
            self._ends.append(end)

    def ack(self, count):
        """Take the oldest count entries in flight as delivered."""
        self.account.cursor = self._ends[count - 1]
        del self._ends[:count]
        self._unsaved += count
        while self.first < self.account.cursor >> 13:
            self.remove(self.first)
            self.first += 1
        if self._unsaved >= _CURSOR_STEP:
            self.save()

    def rewind(self):
        self._ends.clear()

    def save(self):
        """Make the account durable if it has changed. Raises OSError."""
        if self._unsaved or not self.account.is_saved:
            self._unsaved = 0
            self.account.save()

    def clear(self):
        """Remove all segments: everything in them is delivered."""
        if self.first > self.last:
            return
        while self.first <= self.last:
            self.remove(self.first)
            self.first += 1
        self.account.cursor = self.first << 13
        self._unsaved += 1
        self.tail = None
        self.reader.forget_points(self.shape)

    def remove(self, number):
        """Remove a segment, or put it aside if a newer version of the agent wrote it."""
        path = self.reader.path(number)
        try:
            with open(path, "rb") as file:
                magic = file.read(4)
            if segment.is_newer(magic):
                os.rename(path, self.reader.path(number, ".newer"))
            else:
                os.remove(path)
        except OSError:  # it is gone already, or no file
            return False
        self.count -= 1
        return True
