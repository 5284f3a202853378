"""Where things lie in an ESP32's flash: the partition table, as its boot loader reads it.

Entry, 32 bytes, little-endian:

    offset  type  field
    0       u16   0x50AA; 0xEBEB: the MD5 of the entries before follows at 16; 0xFFFF: the end
    2       u8    type          0 application, 1 data
    3       u8    subtype
    4       u32   offset        in flash
    8       u32   size          bytes
    12      16s   name
    28      u32   flags
"""

import hashlib
import struct
from dataclasses import dataclass

from ways_device.errors import UsageError

TABLE_AT = 0x8000
TABLE_BYTES = 0x1000
SECTOR_BYTES = 4096

_ENTRY = struct.Struct("<HBBII16sI")
_MAGIC, _MD5_MAGIC = 0x50AA, 0xEBEB
_MD5_AT = 16
APPLICATION, _DATA = 0, 1
_OTA_DATA, _NVS = 0, 2
# MicroPython finds its file system by these names.
_LITTLEFS_NAME, _FAT_NAME = "vfs", "ffat"
_FAT = 0x81


@dataclass(frozen=True)
class Partition:
    kind: int
    subtype: int
    offset: int
    size: int
    name: str

    @property
    def end(self) -> int:
        return self.offset + self.size

    @property
    def is_application(self) -> bool:
        return self.kind == APPLICATION

    @property
    def is_nvs(self) -> bool:
        return self.kind == _DATA and self.subtype == _NVS

    @property
    def is_boot_choice(self) -> bool:
        """Tell whether it says which of several applications starts."""
        return self.kind == _DATA and self.subtype == _OTA_DATA

    @property
    def is_files(self) -> bool:
        return self.kind == _DATA and self.name in (_LITTLEFS_NAME, _FAT_NAME)

    @property
    def place(self) -> tuple[int, int]:
        return self.offset, self.size


@dataclass(frozen=True)
class Table:
    partitions: tuple[Partition, ...]

    def files(self, flash_bytes: int | None) -> Partition | None:
        """Return where MicroPython keeps its files, or None if that cannot be told.

        A table without such a partition means all behind its last one, to the end of the flash.
        """
        for one in self.partitions:
            if one.is_files:
                return one
        end = max(one.end for one in self.partitions)
        if flash_bytes is None or flash_bytes <= end:
            return None
        return Partition(_DATA, _FAT, end, flash_bytes - end, _LITTLEFS_NAME)

    def kept(self, flash_bytes: int) -> dict[str, tuple[int, int]]:
        """Return the places (offset, size) of what a new firmware must leave alone."""
        places = {one.name: one.place for one in self.partitions if one.is_nvs}
        files = self.files(flash_bytes)
        return {**places, "files": files.place} if files else places


def parse(data: bytes) -> Table | None:
    """Return the table in these bytes, None where there is none (erased flash).

    Raises UsageError if it is damaged.
    """
    found = []
    for at in range(0, len(data) - _ENTRY.size + 1, _ENTRY.size):
        magic, kind, subtype, offset, size, name, _ = _ENTRY.unpack_from(data, at)
        if magic == _MD5_MAGIC:
            digest = data[at + _MD5_AT : at + _ENTRY.size]
            if digest != hashlib.md5(data[:at], usedforsecurity=False).digest():
                raise UsageError("its partition table is damaged")
        elif magic == _MAGIC:
            text = name.split(b"\0")[0].decode("ascii", "replace")
            found.append(Partition(kind, subtype, offset, size, text))
        else:
            break
    return Table(tuple(found)) if found else None
