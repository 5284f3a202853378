"""The flash: a file of the host under littlefs, with the geometry of the ESP32 port."""

import os
import time

import vfs

from _chip import host, signals, wear

_BLOCK = 4096
_FILE = "flash.bin"
_GEOMETRY = {"progsize": 32, "readsize": 32, "lookahead": 32}
_BOOT_PY = "# This file is executed on every boot (including wake-boot from deepsleep)\n"
_NAG_MS = 3000
# Requests of the block protocol.
_BLOCK_COUNT, _BLOCK_SIZE, _ERASE = 4, 5, 6


class BlockDevice:
    """esp32.Partition's block protocol, erase included."""

    def __init__(self):
        self._file = host.board_dir.open(_FILE, "r+b")
        self._blocks = self._file.seek(0, 2) // _BLOCK
        self._erased = b"\xff" * _BLOCK

    def readblocks(self, block, buf, offset=0):
        signals.hold()
        self._file.seek(block * _BLOCK + offset)
        self._file.readinto(buf)
        signals.release()

    def writeblocks(self, block, buf, offset=None):
        signals.hold()
        if offset is None:
            self._erase(block)
            offset = 0
        self._file.seek(block * _BLOCK + offset)
        self._file.write(buf)
        wear.note("program", block)
        signals.release()

    def _erase(self, block):
        self._file.seek(block * _BLOCK)
        self._file.write(self._erased)
        wear.note("erase", block)

    def ioctl(self, request, arg):
        if request == _BLOCK_COUNT:
            return self._blocks
        if request == _BLOCK_SIZE:
            return _BLOCK
        if request == _ERASE:
            signals.hold()
            self._erase(arg)
            signals.release()
        return 0

    def is_blank(self):
        """Tell whether the first block was never written, as on a new board."""
        buf = bytearray(_BLOCK)
        self.readblocks(0, buf)
        return buf == self._erased


def mount():
    """Put the flash in place of the host's files. Formats a blank one, as a new board does.

    Returns False if there is something else on it; then nothing is mounted.
    """
    vfs.umount("/")
    device = BlockDevice()
    try:
        # First of all: a power cut may leave the first block erased, and all is in the second.
        vfs.mount(vfs.VfsLfs2(device, **_GEOMETRY), "/")
    except OSError:
        if not device.is_blank():
            return False
        vfs.VfsLfs2.mkfs(device, **_GEOMETRY)
        vfs.mount(vfs.VfsLfs2(device, **_GEOMETRY), "/")
        with open("boot.py", "w") as file:
            file.write(_BOOT_PY)
    os.chdir("/")
    return True


def nag():
    """What a stock image does with a flash it cannot mount: say so for ever."""
    while True:
        print("The filesystem appears to be corrupted. To start with an empty one, stop the")
        print("virtual board, remove flash.bin from its folder and start it again.")
        time.sleep_ms(_NAG_MS)
