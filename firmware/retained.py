"""What survives a reset but not a power cut: a few words in RTC memory, with a checksum.

Layout, little-endian, 36 bytes, and the tail, which has a checksum of its own if it needs one:

    offset  type  field
    0       4s    b"WRM3"
    4       u32   boot          the power-on this is, counted in NVS
    8       u32   next_seq      the number the next reading gets
    12      u32   front_first   oldest unacknowledged reading that only RAM holds, or NONE
    16      i32   shift_s       to add to times taken before this power-on's first sync
    20      u32   time_known    1 once the clock was set by something that knows the time
    24      u32   floor_s       the last good time: Unix seconds, 0 before the first
    28      u8    ending        how the run means to end, see below
    29      u8    busy          1 + number of the sensor that is being read, 0 = none
    30      u16   disabled      bit n: sensor n once stalled the board, and is left alone
    32      u32   CRC-32 of the bytes before
"""

import binascii
import struct

from micropython import const

NONE = 0xFFFFFFFF

# How a run means to end. It runs until it says otherwise; boot.py reads what the last one said.
RUNNING = 0
PLANNED = 1
SLEEPING = 2
CRASHED = 3
STEADY = 4  # added once a run has lasted: what ends it then is no failed start

_SIZE = const(36)
_LAYOUT = const("<4sIIIiIIBBH")


class Retained:
    def __init__(self, board):
        """Take over what the last run of this power-on left, or begin a new power-on."""
        self.board = board
        data = board.rtc_memory()
        self.tail = data[_SIZE:]
        # True when this run follows a power cut (or is a process start on Linux).
        self.power_on = data[32:_SIZE] != _check(data) or data[:4] != b"WRM3"
        if self.power_on:
            boot = (board.nvs.get_i32("boot") or 0) + 1
            board.nvs.set_i32("boot", boot)
            data = struct.pack(_LAYOUT, b"", boot, 0, NONE, 0, 0, 0, 0, 0, 0)
            self.tail = b""
        (
            _,
            self.boot,
            self.next_seq,
            self.front_first,
            self.shift_s,
            known,
            self.floor_s,
            self.ending,
            self.busy,
            self.disabled,
        ) = struct.unpack_from(_LAYOUT, data)
        self.time_known = bool(known)
        if self.power_on:
            self.save()

    def save(self):
        """Write all fields to RTC memory: a copy in RAM, it wears nothing."""
        data = struct.pack(
            _LAYOUT,
            b"WRM3",
            self.boot,
            self.next_seq,
            self.front_first,
            self.shift_s,
            self.time_known,
            self.floor_s,
            self.ending,
            self.busy,
            self.disabled,
        )
        self.board.set_rtc_memory(data + _check(data) + self.tail)


def _check(data):
    return struct.pack("<I", binascii.crc32(data[:32]))
