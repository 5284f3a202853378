"""What flash remembers of commands: which ids there were, and the answers not yet delivered.

One small file, replaced as a whole:

    offset  type        field
    0       64 * 8s     the first bytes of the SHA-256 of the last ids, oldest first, 0 = none
    512     JSON        [answer, ...]: metadata of command_result, of the commands still open
    -4      u32         CRC-32 of the bytes before

An answer is open from the moment its command is taken until the broker has the last word of it.
A file of SIZE_AT_REST bytes has none. Arguments are not here: no password is.
"""

import binascii
import errno
import hashlib
import json
import struct

from micropython import const

from firmware import files

_ID = const(8)
_IDS = const(64 * 8)


class Journal:
    def __init__(self, path, log):
        """Raises OSError if flash cannot be read."""
        self.path = path
        self.ids = bytes(_IDS)
        self.open = []
        try:
            with open(path, "rb") as file:
                data = file.read()
            if struct.unpack("<I", data[-4:])[0] != binascii.crc32(data[:-4]):
                raise ValueError("checksum")
            self.open = json.loads(data[_IDS:-4])
            self.ids = data[:_IDS]
        except OSError as exc:
            if exc.errno != errno.ENOENT:
                raise
        except ValueError as exc:
            log.error("journal_damaged", why=exc)

    def knows(self, command_id):
        """Tell whether there was a command of this id, among the last 64."""
        check = _check(command_id)
        return any(self.ids[at : at + _ID] == check for at in range(0, _IDS, _ID))

    def record(self, command_id, answer):
        """Note an id for good, and that this answer to it is open. Raises OSError: it is not."""
        ids = self.ids
        self.ids = ids[_ID:] + _check(command_id)
        self.open.append(answer)
        try:
            self.save()
        except Exception:
            self.ids = ids
            self.open.remove(answer)
            raise

    def close(self, answer):
        """Note that the broker has an answer. Raises OSError: it is told again some day."""
        self.open.remove(answer)
        self.save()

    def save(self):
        """Write all of it. Raises OSError; what was there is there still."""
        data = self.ids + json.dumps(self.open).encode()
        files.replace(self.path, data + struct.pack("<I", binascii.crc32(data)))


def _check(command_id):
    return hashlib.sha256(command_id.encode()).digest()[:_ID]
