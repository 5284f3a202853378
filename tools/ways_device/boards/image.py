"""All that one device is, in one file: for flashing many boards side by side.

The files are those that deploy and provision put on a board, byte for byte. An image holds the
login of its device: it is as secret as that.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ways_device import identity
from ways_device.board import CONFIG_PATH
from ways_device.boards import littlefs
from ways_device.boards.firmware import Firmware
from ways_device.bytecode import DeviceFile
from ways_device.errors import UsageError

# Where a board that never had an identity keeps its first one.
IDENTITY_PATH = "/identity.0"
_FIRST_GENERATION = 1
_FAT_NAME = "ffat"
_ERASED = b"\xff"


@dataclass(frozen=True)
class Shape:
    """What kind of image is made: the size of the file system, and where it comes in flash.

    Without a firmware it is the file system alone, and its place is the user's business.
    """

    size_bytes: int
    offset: int = 0
    firmware: Firmware | None = None
    is_merged: bool = False

    @property
    def written_at(self) -> int:
        """Return the flash address that the image's first byte belongs at."""
        return self.firmware.boot_at if self.firmware and self.is_merged else self.offset


def shape(
    firmware: Firmware | None, size_kb: int | None, flash_mb: int | None, merged: bool
) -> Shape:
    """Return the shape that the options ask for. Raises UsageError if they do not tell one."""
    if firmware is None:
        if merged or flash_mb is not None:
            raise UsageError("--merged and --flash-mb: give --firmware FILE as well")
        return Shape(_bytes_of(size_kb))
    if size_kb is not None:
        raise UsageError("--size-kb and --firmware: the firmware has its size; give one")
    found = firmware.table.files(flash_mb << 20 if flash_mb else None)
    if found is None:
        raise UsageError(
            f"{firmware.source} gives its files what its flash has left: tell how large the "
            "boards' flash is with --flash-mb"
        )
    if found.name == _FAT_NAME:
        raise UsageError(f"{firmware.source} keeps its files in FAT; images are littlefs only")
    if merged and firmware.carries_files:
        raise UsageError(f"{firmware.source} holds a device's files already; take the plain one")
    return Shape(found.size, found.offset, firmware, merged)


def _bytes_of(size_kb: int | None) -> int:
    if size_kb is None:
        raise UsageError("give --firmware FILE, or the file system's size with --size-kb")
    if size_kb % (littlefs.BLOCK_BYTES >> 10):
        raise UsageError("--size-kb: a multiple of 4 is expected")
    return size_kb << 10


def contents(code: Sequence[DeviceFile], config: bytes, body: bytes) -> list[DeviceFile]:
    """Return all files of a device that has never run."""
    return [
        *code,
        DeviceFile(CONFIG_PATH, config),
        DeviceFile(IDENTITY_PATH, identity.pack(body, _FIRST_GENERATION)),
    ]


def made(files: Sequence[DeviceFile], of: Shape) -> bytes:
    """Return the image. A merged one ends with the last block that is in use."""
    disk = littlefs.made(files, of.size_bytes)
    firmware = of.firmware
    if firmware is None or not of.is_merged:
        return disk
    # It is one piece, filling included, and so erases the NVS: an older identity in there would
    # win over the new one.
    gap = of.offset - firmware.end
    if gap < 0:
        raise UsageError(f"{firmware.source} reaches into its own file system; fetch it again")
    used = len(disk.rstrip(_ERASED))
    whole_blocks = -(-used // littlefs.BLOCK_BYTES) * littlefs.BLOCK_BYTES
    return firmware.data + _ERASED * gap + disk[:whole_blocks]
