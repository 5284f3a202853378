"""The bytes of one segment of the flash log. Pure: bytes in, bytes out.

A segment begins with its header, twice so that damage to one copy costs nothing, and goes on
with entries. All of it is little-endian:

    header  4s    b"WSG1"               entry  u8   size of the values
            u32   owner                        u8   bit 0 time known, bits 1-7 boot - the header's
            u32   shape                        u16  seq - the header's; whole in a later boot
            u32   boot   of the first          i16  stamp - the header's, in s
            u32   seq    reading               ...  values, as reading.py has them
            u32   stamp                        u32  CRC-32 of the entry before it
            u32   CRC-32 of these

owner is a CRC-32 of the device id, shape one of the text that tells the datapoints.
"""

import binascii
import struct

from micropython import const

SIZE = 4096  # one block of flash
START = 56  # where the entries begin

_MAGIC = const(b"WSG1")
_HEADER = const("<4sIIIII")
_ENTRY = const("<BBHh")
_EXTRA = const(10)  # of an entry, besides its values
# A record begins with whether its time was known, and its stamp; the values follow.
_RECORD = const("<BI")
_VALUES = const(5)


def header(owner, shape, boot, seq, stamp):
    """Return the first START bytes of a segment."""
    data = struct.pack(_HEADER, _MAGIC, owner, shape, boot, seq, stamp)
    data += struct.pack("<I", binascii.crc32(data))
    return data + data


def parse_header(buf):
    """Return (owner, shape, boot, seq, stamp) of a segment's first bytes, None if damaged."""
    for at in (0, 28):
        if binascii.crc32(buf[at : at + 24]) == struct.unpack_from("<I", buf, at + 24)[0]:
            fields = struct.unpack_from(_HEADER, buf, at)
            if fields[0] == _MAGIC:
                return fields[1:]
    return None


def is_newer(magic):
    """Tell whether a segment that begins so was written by a version that comes after this one."""
    return magic[:3] == _MAGIC[:3] and magic != _MAGIC


def stamp_of(record):
    return struct.unpack_from(_RECORD, record, 0)[1]


def entry(head, size, boot, seq, record):
    """Return the entry of a record; None if a segment of this header and size cannot take it."""
    _, _, boot0, seq0, stamp0 = head
    known, stamp = struct.unpack_from(_RECORD, record, 0)
    boot -= boot0
    if not boot:
        seq -= seq0
    stamp -= stamp0
    if size + len(record) - _VALUES + _EXTRA > SIZE:
        return None
    if not (0 <= boot < 128 and 0 <= seq < 65536 and -32768 <= stamp < 32768):
        return None
    data = struct.pack(_ENTRY, len(record) - _VALUES, known | boot << 1, seq, stamp)
    data += record[_VALUES:]
    return data + struct.pack("<I", binascii.crc32(data))


def size_at(buf, at, end):
    """Return the size of the undamaged entry at buf[at:end], 0 if there is none."""
    if at + _EXTRA > end or at + buf[at] + _EXTRA > end:
        return 0
    check = at + buf[at] + _EXTRA - 4
    if binascii.crc32(buf[at:check]) != struct.unpack_from("<I", buf, check)[0]:
        return 0
    return check + 4 - at


def parse(head, buf, at):
    """Return (boot, seq, known, stamp) of the entry at buf[at]."""
    _, flags, seq, stamp = struct.unpack_from(_ENTRY, buf, at)
    boot = flags >> 1
    return head[2] + boot, seq if boot else seq + head[3], flags & 1, stamp + head[4]


def record_into(view, known, stamp, buf, at):
    """Write the record of the entry at buf[at] to view; return its size."""
    struct.pack_into(_RECORD, view, 0, known, stamp)
    size = buf[at]
    view[_VALUES : _VALUES + size] = buf[at + 6 : at + 6 + size]
    return _VALUES + size
