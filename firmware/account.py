"""What the log must remember besides its readings: how far it was delivered, what was dropped.

One small file, replaced as a whole: JSON, then the CRC-32 of it, little-endian.

    [owner, cursor, gone, dropped_total, [[boot, from, to, count, reason], ...]]

    owner       whose readings these are: CRC-32 of the device id
    cursor      position behind the last reading of the log that the broker has, see flashlog.py
    gone        the segment dropped last: if a power cut left it there, it goes now
    drops       what the platform has not been told yet, oldest first
"""

import binascii
import json
import struct

from micropython import const

from firmware import files

_MOST = const(24)  # runs of drops that wait to be told; beyond it the oldest is only in the total


class Account:
    def __init__(self, path, owner):
        self.path = path
        self.owner = owner
        self.cursor = self.gone = self.dropped_total = 0
        self.drops = []
        self.is_saved = True
        self._told = 0  # how many of the oldest drops are on the way to the platform

    def save(self):
        """Raises OSError; the former account is then still there."""
        fields = [self.owner, self.cursor, self.gone, self.dropped_total, self.drops]
        data = json.dumps(fields).encode()
        files.replace(self.path, data + struct.pack("<I", binascii.crc32(data)))
        self.is_saved = True

    def drop(self, boot, first, last, count, reason):
        """Count readings that are lost for good. save() makes it durable."""
        self.is_saved = False
        self.dropped_total += count
        run = self.drops[-1] if len(self.drops) > self._told else None
        if run and run[0] == boot and run[4] == reason and run[2] < first:
            run[2] = last
            run[3] += count
            return
        self.drops.append([boot, first, last, count, reason])
        if len(self.drops) > _MOST:
            self.drops.pop(self._told)

    def next_drop(self):
        """Return the metadata of the next event readings_dropped, or None. It stays until told.

        It is the same one until drop_told() or untold().
        """
        if not self.drops:
            return None
        self._told = 1
        boot, first, last, count, reason = self.drops[0]
        return {"boot": boot, "from": first, "to": last, "count": count, "reason": reason}

    def drop_told(self):
        """Forget the drop that next_drop() returned: the platform knows."""
        self.drops.pop(0)
        self._told = 0
        self.is_saved = False
