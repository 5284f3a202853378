"""A firmware image as MicroPython offers it: boot loader, partition table and application in one.

Its first byte belongs where the chip's boot loader lies; the gaps are filled with 0xFF. Written
as it is, the filling would erase what the device knows.
"""

import struct
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ways_device.boards import partitions
from ways_device.boards.partitions import SECTOR_BYTES, TABLE_AT, TABLE_BYTES, Table
from ways_device.errors import UsageError
from ways_device.secrets import one_line

MAX_BYTES = 64 * 1024 * 1024
_IMAGE_MAGIC = 0xE9
_CHIP_ID = struct.Struct("<H")
_CHIP_ID_AT = 12
_ERASED = b"\xff"

# Chip id of the image header: esptool's name of the chip, and where its boot loader lies.
_CHIPS = {
    0: ("esp32", 0x1000),
    2: ("esp32s2", 0x1000),
    5: ("esp32c3", 0),
    9: ("esp32s3", 0),
    12: ("esp32c2", 0),
    13: ("esp32c6", 0),
    16: ("esp32h2", 0),
    18: ("esp32p4", 0x2000),
    20: ("esp32c61", 0),
    23: ("esp32c5", 0x2000),
}


@dataclass(frozen=True)
class Region:
    """Bytes and where in flash they go."""

    name: str
    offset: int
    data: bytes


@dataclass(frozen=True)
class Firmware:
    """data begins at boot_at of the flash; chip is esptool's name of the chip it is for."""

    source: str
    data: bytes
    chip: str
    boot_at: int
    table: Table

    @property
    def end(self) -> int:
        return self.boot_at + len(self.data)

    def at(self, offset: int, size: int) -> bytes:
        """Return what the image holds there, as far as it reaches."""
        start = max(0, offset - self.boot_at)
        return self.data[start : max(0, offset + size - self.boot_at)]

    @cached_property
    def regions(self) -> list[Region]:
        """What has to be written for a board to run it, and nothing that a device knows.

        Of several applications the one in this image is to start, whatever was chosen before.
        """
        found = [
            Region("boot loader", self.boot_at, self._filled(self.boot_at, TABLE_AT)),
            Region("partition table", TABLE_AT, self.at(TABLE_AT, TABLE_BYTES)),
        ]
        for one in self.table.partitions:
            if one.is_nvs or one.is_files:
                continue
            data = self._filled(one.offset, one.end)
            if one.is_boot_choice and not data:
                data = _ERASED * one.size
            if data:
                found.append(Region(one.name, one.offset, data))
        return found

    @property
    def carries_files(self) -> bool:
        """Tell whether it brings a device's files or NVS of its own along."""
        end = max(one.end for one in self.table.partitions if not one.is_files)
        places = [one for one in self.table.partitions if one.is_nvs or one.is_files]
        return any(self._filled(one.offset, one.end) for one in places) or bool(
            self._filled(end, self.end)
        )

    def _filled(self, offset: int, end: int) -> bytes:
        """Return what lies there in whole sectors, less the filling behind it."""
        data = self.at(offset, end - offset)
        used = len(data.rstrip(_ERASED))
        return data[: -(-used // SECTOR_BYTES) * SECTOR_BYTES]


def read(path: Path, source: str = "") -> Firmware:
    """Return the firmware in a file, which messages call source (default: its path).

    Raises UsageError that says what it is instead.
    """
    source = one_line(source.partition("?")[0] or str(path), 120)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise UsageError(f"{source}: over {MAX_BYTES >> 20} MB: not a firmware image")
        return parse(path.read_bytes(), source)
    except OSError as exc:
        raise UsageError(f"cannot read {source}: {exc.strerror}") from exc


def parse(data: bytes, source: str) -> Firmware:
    """Return the firmware in these bytes; source is what messages call it."""
    if len(data) < SECTOR_BYTES or data[0] != _IMAGE_MAGIC:
        raise UsageError(
            f"{source}: not a firmware image for an ESP32; take the .bin file of your board "
            "from micropython.org/download"
        )
    chip_id = _CHIP_ID.unpack_from(data, _CHIP_ID_AT)[0]
    if chip_id not in _CHIPS:
        raise UsageError(f"{source}: for a chip that this tool does not know (id {chip_id})")
    chip, boot_at = _CHIPS[chip_id]
    try:
        table = partitions.parse(data[TABLE_AT - boot_at :][:TABLE_BYTES])
    except UsageError as exc:
        raise UsageError(f"{source}: {exc}; fetch it again") from exc
    if table is None or not any(one.is_application for one in table.partitions):
        raise UsageError(
            f"{source}: an application without boot loader and partition table (.app-bin); "
            "take the whole image (.bin)"
        )
    made = Firmware(source, data, chip, boot_at, table)
    if not any(
        made.at(one.offset, 1) == b"\xe9" for one in table.partitions if one.is_application
    ):
        raise UsageError(f"{source}: cut short: its application is missing; fetch it again")
    return made
