"""What survives a reset but not a power cut: a few words in RTC memory, with a checksum.

Layout, little-endian, 32 bytes:

    offset  type  field
    0       4s    b"WRM2"
    4       u32   boot          the power-on this is, counted in NVS
    8       u32   next_seq      the number the next reading gets
    12      u32   front_first   oldest unacknowledged reading that only RAM holds, or NONE
    16      i32   shift_s       to add to times taken before this power-on's first sync
    20      u32   time_known    1 once the clock was set by something that knows the time
    24      u32   floor_s       the last good time: Unix seconds, 0 before the first
    28      u32   CRC-32 of the bytes before
"""

import binascii
import struct

from micropython import const

NONE = 0xFFFFFFFF

_SIZE = const(32)


class Retained:
    def __init__(self, board):
        """Take over what the last run of this power-on left, or begin a new power-on."""
        self.board = board
        data = board.rtc_memory()
        # True when this run follows a power cut (or is a process start on Linux).
        self.power_on = len(data) != _SIZE or data[28:] != _check(data) or data[:4] != b"WRM2"
        if self.power_on:
            boot = (board.nvs.get_i32("boot") or 0) + 1
            board.nvs.set_i32("boot", boot)
            data = struct.pack("<IIIIiIII", 0, boot, 0, NONE, 0, 0, 0, 0)
        fields = struct.unpack("<IIIIiIII", data)
        _, self.boot, self.next_seq, self.front_first, self.shift_s, known, self.floor_s, _ = (
            fields
        )
        self.time_known = bool(known)
        if self.power_on:
            self.save()

    def save(self):
        """Write all fields to RTC memory: a copy in RAM, it wears nothing."""
        data = struct.pack(
            "<4sIIIiII",
            b"WRM2",
            self.boot,
            self.next_seq,
            self.front_first,
            self.shift_s,
            self.time_known,
            self.floor_s,
        )
        self.board.set_rtc_memory(data + _check(data))


def _check(data):
    return struct.pack("<I", binascii.crc32(data[:28]))
