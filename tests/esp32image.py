"""Firmware images for tests: laid out like MicroPython's for an ESP32, with nothing in them."""

import hashlib
import random
import struct

BOOT_AT = {0: 0x1000, 9: 0, 5: 0, 23: 0x2000}
TABLE_AT = 0x8000
APP_AT = 0x10000
# name: type, subtype, offset, size
NVS = ("nvs", 1, 2, 0x9000, 0x6000)
PHY = ("phy_init", 1, 1, 0xF000, 0x1000)
FACTORY = ("factory", 0, 0, APP_AT, 0x1F0000)
VFS = ("vfs", 1, 0x81, 0x200000, 0x200000)
STOCK = (NVS, PHY, FACTORY, VFS)
# Newer ones leave the rest of the flash, however large, to the files.
OPEN_END = (NVS, PHY, ("factory", 0, 0, APP_AT, 0x210000))
TWO_SLOTS = (
    NVS,
    ("otadata", 1, 0, 0xF000, 0x2000),
    ("ota_0", 0, 0x10, 0x20000, 0x180000),
    ("ota_1", 0, 0x11, 0x1A0000, 0x180000),
    ("vfs", 1, 0x81, 0x320000, 0xE0000),
)


def table(entries=STOCK):
    """Return a partition table with its digest, one sector long."""
    data = b"".join(
        struct.pack("<HBBII16sI", 0x50AA, kind, subtype, offset, size, name.encode(), 0)
        for name, kind, subtype, offset, size in entries
    )
    data += b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(data).digest()
    return data.ljust(0x1000, b"\xff")


def header(chip_id):
    """Return the beginning of an image that the boot loader of such a chip takes."""
    extended = struct.pack("<B3sHBHH4sB", 0xEE, bytes(3), chip_id, 0, 0, 0xFFFF, bytes(4), 0)
    return struct.pack("<BBBBI", 0xE9, 0, 2, 0x20, 0x40080000) + extended


def firmware(chip_id=0, entries=STOCK, size=70_000, seed=1):
    """Return a whole image; its filling is what the boards' own images have."""
    noise = random.Random(seed)
    boot_at = BOOT_AT[chip_id]
    app_at = min(offset for _, kind, _, offset, _ in entries if kind == 0)
    data = header(chip_id) + noise.randbytes(20_000)
    data = data.ljust(TABLE_AT - boot_at, b"\xff") + table(entries)
    data = data.ljust(app_at - boot_at, b"\xff")
    return data + header(chip_id) + noise.randbytes(size)
