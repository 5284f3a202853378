"""The boot loader of an ESP32 at the end of a pty, as far as real esptool needs it.

It has a flash in memory and keeps the order of what was done to it. The stub that esptool sends
is taken and not run: what it would do is done here. Faults: say when to stop answering.
"""

import contextlib
import hashlib
import os
import pty
import struct
import threading
import tty
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

FLASH_BYTES = 4 << 20
_SECTOR = 4096
_END = b"\xc0"
# Registers that tell the kind of chip, its address, and what the flash's own id command gives.
_MAGIC_AT, _MAGIC = 0x40001000, {"esp32": 0x00F01D83}
_FLASH_ID = 0x164020
_SPI_CMD, _SPI_W0, _SPI_USR2 = 0x3FF42000, 0x3FF42080, 0x3FF42024


class Rom:
    """One chip in its boot loader, with its flash."""

    def __init__(self, flash: bytes = b"") -> None:
        self.flash = bytearray(flash.ljust(FLASH_BYTES, b"\xff"))
        # (what, offset, size) in the order it was done.
        self.done: list[tuple[str, int, int]] = []
        # Called before each command with its number; False ends the chip's life on the wire.
        self.before: Callable[[int], bool] = lambda op: True
        # Flips a bit of what is written to this address, as a worn flash would.
        self.bad_at: int | None = None
        self._reset()

    def _reset(self) -> None:
        self._is_stub = False
        self._at = 0
        self._unpack: Callable[[bytes], bytes] | None = None
        self._registers = {
            _MAGIC_AT: _MAGIC["esp32"],
            0x3FF5A004: 0xC4000001,
            0x3FF5A008: 0x0000240A,
            0x3FF40014: 0x15B,
        }

    def serve(self, far: int) -> None:
        """Answer at this descriptor until it is closed or a fault says so."""
        self._far = far
        buffer = b""
        while data := os.read(far, 65536):
            buffer += data
            while (frame := _frame(buffer)) is not None:
                packet, buffer = frame
                if len(packet) >= 8 and packet[0] == 0:
                    if not self.before(packet[1]):
                        return
                    self._answer(packet)

    def _answer(self, packet: bytes) -> None:
        handler = _COMMANDS.get(packet[1])
        if handler is None:
            self._reply(packet[1], error=5)
        else:
            handler(self, packet[1], packet)

    def _reply(self, op: int, value: int = 0, data: bytes = b"", error: int = 0) -> None:
        status = bytes([bool(error), error]) + (b"" if self._is_stub else b"\0\0")
        body = data + status
        self._send(struct.pack("<BBHI", 1, op, len(body), value) + body)

    def _send(self, packet: bytes) -> None:
        inner = packet.replace(b"\xdb", b"\xdb\xdd").replace(_END, b"\xdb\xdc")
        data = _END + inner + _END
        while data:
            data = data[os.write(self._far, data) :]

    # The commands.

    def _sync(self, op: int, packet: bytes) -> None:
        self._reset()
        for _ in range(8):
            self._reply(op, 0x20120707)

    def _read_register(self, op: int, packet: bytes) -> None:
        self._reply(op, self._registers.get(struct.unpack_from("<I", packet, 8)[0], 0))

    def _write_register(self, op: int, packet: bytes) -> None:
        at, value = struct.unpack_from("<II", packet, 8)
        self._registers[at] = value
        if at == _SPI_CMD and value & 1 << 18:
            # A command of the flash chip: over at once, and only its id is known.
            self._registers[at] = 0
            is_id = self._registers.get(_SPI_USR2, 0) & 0xFF == 0x9F
            self._registers[_SPI_W0] = _FLASH_ID if is_id else 0
        self._reply(op)

    def _accept(self, op: int, packet: bytes) -> None:
        self._reply(op)

    def _end_of_ram(self, op: int, packet: bytes) -> None:
        self._reply(op)
        if struct.unpack_from("<I", packet, 8)[0] == 0:
            self._is_stub = True
            self._send(b"OHAI")

    def _begin(self, op: int, packet: bytes) -> None:
        size, _, _, self._at = struct.unpack_from("<IIII", packet, 8)
        self._unpack = zlib.decompressobj().decompress if op == 0x10 else None
        # The erase comes with it, in whole sectors.
        end = self._at + -(-size // _SECTOR) * _SECTOR
        self.flash[self._at : end] = b"\xff" * (end - self._at)
        if size:
            self.done.append(("write", self._at, size))
        self._reply(op)

    def _data(self, op: int, packet: bytes) -> None:
        length = struct.unpack_from("<I", packet, 8)[0]
        data = packet[24 : 24 + length]
        check = 0xEF
        for byte in data:
            check ^= byte
        if check != packet[4]:
            self._reply(op, error=7)
            return
        data = self._unpack(data) if self._unpack else data
        self.flash[self._at : self._at + len(data)] = data
        if self.bad_at is not None and self._at <= self.bad_at < self._at + len(data):
            self.flash[self.bad_at] ^= 1
        self._at += len(data)
        self._reply(op)

    def _digest(self, op: int, packet: bytes) -> None:
        at, size = struct.unpack_from("<II", packet, 8)
        digest = hashlib.md5(self.flash[at : at + size])
        self.done.append(("digest", at, size))
        data = digest.digest() if self._is_stub else digest.hexdigest().encode()
        self._reply(op, data=data)

    def _erase_all(self, op: int, packet: bytes) -> None:
        self.flash[:] = b"\xff" * len(self.flash)
        self.done.append(("erase", 0, len(self.flash)))
        self._reply(op)

    def _read(self, op: int, packet: bytes) -> None:
        at, size, block, _ = struct.unpack_from("<IIII", packet, 8)
        self.done.append(("read", at, size))
        self._reply(op)
        data = bytes(self.flash[at : at + size])
        for start in range(0, size, block):
            self._send(data[start : start + block])
        self._send(hashlib.md5(data).digest())


_COMMANDS = {
    0x02: Rom._begin,
    0x03: Rom._data,
    0x04: Rom._accept,
    0x05: Rom._accept,
    0x06: Rom._end_of_ram,
    0x07: Rom._accept,
    0x08: Rom._sync,
    0x09: Rom._write_register,
    0x0A: Rom._read_register,
    0x0B: Rom._accept,
    0x0D: Rom._accept,
    0x0F: Rom._accept,
    0x10: Rom._begin,
    0x11: Rom._data,
    0x12: Rom._accept,
    0x13: Rom._digest,
    0xD0: Rom._erase_all,
    0xD2: Rom._read,
}


def _frame(buffer: bytes) -> tuple[bytes, bytes] | None:
    """Return (the first whole packet, what follows), None while there is none."""
    start = buffer.find(_END)
    while start >= 0:
        end = buffer.find(_END, start + 1)
        if end < 0:
            return None
        if end > start + 1:
            packet = buffer[start + 1 : end]
            return packet.replace(b"\xdb\xdc", _END).replace(b"\xdb\xdd", b"\xdb"), buffer[
                end + 1 :
            ]
        start = end
    return None


@contextmanager
def chip(rom: Rom) -> Iterator[str]:
    """Yield the path of the port that the chip is at."""
    far, near = pty.openpty()
    tty.setraw(near)
    path = os.ttyname(near)

    def run() -> None:
        # The read fails when the pty is closed: that is how it ends. Ended by a fault, the port
        # goes away with the chip.
        with contextlib.suppress(OSError):
            rom.serve(far)
        os.close(far)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield path
    finally:
        os.close(near)
        thread.join(10)
