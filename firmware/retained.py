"""What survives a reset but not a power cut: a few words in RTC memory, with a checksum.

Layout, little-endian, 28 bytes:

    offset  type  field
    0       4s    b"WRM1"
    4       u32   boot          the power-on this is, counted in NVS
    8       u32   next_seq      the number the next reading gets
    12      u32   front_first   oldest unacknowledged reading that only RAM holds, or NONE
    16      i32   shift_s       to add to times taken before this power-on's first sync
    20      u32   time_known    1 once the clock was set by something that knows the time
    24      u32   CRC-32 of the bytes before
"""

import binascii
import struct

NONE = 0xFFFFFFFF

_FORMAT = "<4sIIIiI"
_SIZE = struct.calcsize(_FORMAT) + 4
_MAGIC = b"WRM1"


class Retained:
    def __init__(self, board):
        """Take over what the last run of this power-on left, or begin a new power-on."""
        self._board = board
        self._buf = bytearray(_SIZE)
        # True when this run follows a power cut (or is a process start on Linux).
        self.power_on = not self._load(board.rtc_memory())
        if self.power_on:
            self.boot = (board.nvs.get_i32("boot") or 0) + 1
            board.nvs.set_i32("boot", self.boot)
            self.next_seq = 0
            self.front_first = NONE
            self.shift_s = 0
            self.time_known = False
            self.save()

    def save(self):
        """Write all fields to RTC memory: a copy in RAM, it wears nothing."""
        buf = self._buf
        struct.pack_into(
            _FORMAT,
            buf,
            0,
            _MAGIC,
            self.boot,
            self.next_seq,
            self.front_first,
            self.shift_s,
            1 if self.time_known else 0,
        )
        check = binascii.crc32(memoryview(buf)[: _SIZE - 4])
        struct.pack_into("<I", buf, _SIZE - 4, check)
        self._board.set_rtc_memory(buf)

    def _load(self, data):
        if len(data) != _SIZE or data[:4] != _MAGIC:
            return False
        if binascii.crc32(data[:-4]) != struct.unpack_from("<I", data, _SIZE - 4)[0]:
            return False
        fields = struct.unpack(_FORMAT, data[:-4])
        self.boot, self.next_seq, self.front_first, self.shift_s, known = fields[1:]
        self.time_known = bool(known)
        return True
