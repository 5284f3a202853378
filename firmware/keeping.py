"""What a sleeper has in RTC memory: its newest readings, and where it is in its cycle.

The front is copied there with every change of it, so that neither sleep nor a reset takes a
reading: only a power cut does. Layout of the tail (see retained.py), little-endian:

    offset  type  field
    0       u8    1
    1       u8    bits: 0 = asleep, 1 = has something urgent, 2 = store_opened is to be told
    2       u8    attempts to deliver that have failed since the last that did not
    3       u8    readings in the front
    4       u16   samples since the last attempt
    6       u16   samples until the next one, 0 = the setting's
    8       u32   stamp of the clock at which the next sample is due
    12      u32   wakes since power-on
    16      u32   time awake since power-on, in ms, it wraps
    20      6u16  parts of the last wake with a session, in ms: see sleeper.py
    32      3u32  what store_opened is to tell: next_seq, lost_from, lost_to
    44      u32   what sensors are known to have told: CRC-32 of it
    48      ...   five blocks, each behind its u16 size: runs of readings that the broker has but
                  the log too, hint of the last link, broker's address, state of filters, front
    end     u32   CRC-32 of the bytes before
"""

import binascii
import struct

from micropython import const

from firmware import unload
from firmware.errors import ConfigError
from firmware.front import Front
from firmware.retained import NONE, Retained
from firmware.store import LANES, Store

# RTC memory has 2048 bytes; what is besides the front takes up to 320.
_ROOM = const(1728)  # bytes for the front
CHANNELS = 128  # bytes for the state of filters
_MOST_DONE = const(4)

_FIXED = "<BBBBHHIII6H4I"
_SIZE = const(48)
_CRC = const(4)
_ASLEEP = const(1)
_URGENT = const(2)
_UNTOLD = const(4)


class Shelf(Front):
    """A front of a size that fits RTC memory."""

    def __init__(self):
        super().__init__(_ROOM)

    def waiting(self):
        """Return the entries that only it holds."""
        return self.buf[self._offset(self.copied) : self.end]

    def restore(self, data, count):
        """Take over the entries that waiting() returned, into an empty one."""
        self.end, self.count = len(data), count
        self.buf[: self.end] = data

    def is_nearly_full(self):
        """Tell whether two more readings like the last may not fit."""
        size = self.end - self._offset(self.count - 1) if self.count else 0
        return self.end + 2 * size > _ROOM


class Kept(Retained):
    is_asleep = is_urgent = is_untold = False
    failures = since = wait = wakes = awake_ms = told = 0
    due_s = None
    parts = (0,) * 6
    opened = (0, NONE, NONE)
    hint = address = channels = b""

    def __init__(self, board, front):
        """Take over what the last run left; front is an empty one, and gets its readings back.

        Raises ConfigError on a board that cannot sleep.
        """
        if board.has_own_time:  # a machine: it neither sleeps nor has RTC memory
            raise ConfigError("connect_every: this board cannot sleep")
        self.front = front
        super().__init__(board)
        if self.tail:
            self._take_over(self.tail)
        # True when this run goes on where the last one went to sleep.
        self.is_wake = self.is_asleep and board.reset_cause() == "sleep"
        self._look_back()

    def save(self):
        self.tail = self._packed()
        super().save()

    def _packed(self):
        front = self.front
        runs = front.done[-_MOST_DONE:]
        fixed = struct.pack(
            _FIXED,
            1,
            _bits(self),
            min(self.failures, 255),
            front.count - front.copied,
            min(self.since, 0xFFFF),
            min(self.wait, 0xFFFF),
            NONE if self.due_s is None else self.due_s,
            self.wakes,
            self.awake_ms,
            *self.parts,
            *self.opened,
            self.told
        )  # fmt: skip
        done = b"".join([struct.pack("<II", first, last) for first, last in runs])
        parts = [fixed]
        for block in (done, self.hint, self.address, self.channels, front.waiting()):
            parts.append(struct.pack("<H", len(block)))
            parts.append(bytes(block))
        data = b"".join(parts)
        return data + _check(data)

    def _take_over(self, data):
        """Take what an intact tail says; of another one nothing is taken."""
        if len(data) < _SIZE or data[-_CRC:] != _check(data[:-_CRC]) or data[0] != 1:
            return
        fields = struct.unpack_from(_FIXED, data)
        bits = fields[1]
        self.is_asleep = bool(bits & _ASLEEP)
        self.is_urgent = bool(bits & _URGENT)
        self.is_untold = bool(bits & _UNTOLD)
        self.failures = fields[2]
        self.since, self.wait, self.due_s, self.wakes, self.awake_ms = fields[4:9]
        if self.due_s == NONE:
            self.due_s = None
        self.parts, self.opened, self.told = fields[9:15], fields[15:18], fields[18]
        at = _SIZE
        blocks = []
        while at < len(data) - _CRC:
            end = at + 2 + struct.unpack_from("<H", data, at)[0]
            blocks.append(data[at + 2 : end])
            at = end
        done, self.hint, self.address, self.channels, readings = blocks
        front = self.front
        for at in range(0, len(done), 8):
            front.done.append(list(struct.unpack_from("<II", done, at)))
        front.restore(readings, fields[3])

    def _look_back(self):
        """Note what has to be told of this start, unless it only goes on."""
        front, first = self.front, self.front_first
        # What RTC memory does not hold is lost; so is the word that a reading was dropped.
        is_lost = first not in (NONE, front.first())
        if not self.is_wake or is_lost:
            opened, lost_from, lost_to = self.opened if self.is_untold else (NONE, NONE, NONE)
            if is_lost:
                lost_from, lost_to = min(first, lost_from), self.next_seq - 1
            self.opened = (min(opened, self.next_seq), lost_from, lost_to)
            self.is_untold = True
        self.is_asleep = False
        first = front.first()
        self.front_first = NONE if first is None else first
        self.save()


class Keeper(Store):
    """A store whose front survives resets, and which touches flash only when it has to."""

    said = None  # the metadata of store_opened, once the log was looked at
    hold_s = 0  # how far back a power cut can reach

    def look(self):
        """Look at the log, once per start; return the metadata of the event store_opened."""
        if self.said is None:
            retained = self.retained
            self.said = self._stock()
            self.opened_told()  # what is lost is kept in RTC memory until it is: see Kept
            opened, first, last = retained.opened
            self.said["next_seq"] = opened
            self.said["lost_from"] = None if first == NONE else first
            self.said["lost_to"] = None if first == NONE else last
            self.said["flush_after_s"] = self.hold_s
            durable = self.said["last_durable"]
            if durable and durable["boot"] == retained.boot:
                # A reset came between the writing of a group and the forgetting of it here.
                while self.front.count and self.front.at(0)[0] <= durable["seq"]:
                    self.front.remove(0, 1)
            self._retain()
        return self.said

    def _stock(self):
        from firmware import stock

        try:
            return stock.take(self)
        finally:
            unload("stock")

    def settle(self):
        """Count nothing as on the way, and keep how far the log was delivered."""
        for lane in LANES:
            self.rewind(lane)
        self._quietly(self.flash.save)
        self._retain()

    def flush(self, reason):
        """Write the front to flash as one group, but for a reset, which does not take it."""
        if reason == "reset":
            return True
        self.look()
        return super().flush(reason)


def _bits(kept):
    bits = _ASLEEP if kept.is_asleep else 0
    bits |= _URGENT if kept.is_urgent else 0
    return bits | (_UNTOLD if kept.is_untold else 0)


def _check(data):
    return struct.pack("<I", binascii.crc32(data))
