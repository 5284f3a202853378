"""One sampling instant of the declared datapoints, and its compact record.

Record:

    offset  type    field
    0       u8      flags       bit 0: the clock was right when time was taken
    1       u32     time        the clock's stamp, little-endian
    5       ...     one value per declared datapoint, in order:
                    number      0 = missing, else 1 + zigzag of the integer in 10**-decimals
                    boolean     0 = missing, 1 = false, 2 = true
                    string      0 = missing, else 1 + length, then UTF-8
                    all of these numbers as base-128 varints, lowest bits first
"""

import binascii
import json
import math
import struct

from micropython import const

from firmware.errors import CorruptError, SensorError

RESERVED = ("boot", "seq", "timestamp", "time_unknown")
MAX_STRING = 64
MAX_RECORD = 240
_MAX_NUMBER = const(0x3FFFFFFF)


class Datapoint:
    """What a sensor tells: key and unit as the platform has them, type and decimals."""

    def __init__(self, key, unit="", data_type="number", decimals=0):
        if key in RESERVED or not key:
            raise ValueError("datapoint key %r is reserved" % key)
        self.key = key
        self.unit = unit
        self.data_type = data_type
        self.decimals = decimals


def described(text):
    """Return the datapoints that Reading.text is of. Raises ValueError."""
    return [Datapoint(key, "", kind, decimals) for key, kind, decimals in json.loads(text)]


def declared(points):
    """Return the points that the sensors of a device tell, together.

    Raises ValueError if no reading can be made of them.
    """
    keys = []
    size = 5
    for point in points:
        if point.key in keys:
            raise ValueError("datapoint %s is told by two sensors" % point.key)
        keys.append(point.key)
        size += MAX_STRING + 1 if point.data_type == "string" else 5
    if size > MAX_RECORD:
        raise ValueError("a reading may take %d bytes, %d at most" % (size, MAX_RECORD))
    return points


class Reading:
    """Values of one instant. One instance is reused; sensors set their own datapoints."""

    def __init__(self, points):
        """points have been through declared(), now or when they were in use."""
        self.points = points
        self._index = {}
        # A number is kept as an integer of 10**-decimals, None = missing.
        self.values = [None] * len(points)
        self.stamp = 0
        self.time_known = False
        # What it takes to read records of these datapoints when the settings have changed.
        told = []
        for point in points:
            self._index[point.key] = len(told)
            told.append((point.key, point.data_type, point.decimals))
        self.text = json.dumps(told).encode()
        self.shape = binascii.crc32(self.text)

    def clear(self):
        for number in range(len(self.values)):
            self.values[number] = None

    def is_empty(self):
        return self.values.count(None) == len(self.values)

    def set(self, key, value):
        """Take one value. Raises SensorError if it cannot be put on the wire as declared."""
        number = self._index[key]
        point = self.points[number]
        if point.data_type == "number":
            value = _scaled(value, 10**point.decimals)
        elif point.data_type == "boolean":
            value = bool(value)
        elif len(value.encode()) > MAX_STRING:
            raise SensorError("text over %d bytes" % MAX_STRING)
        self.values[number] = value  # pyright: ignore[reportCallIssue, reportArgumentType]

    def pack(self):
        """Return the record of these values."""
        buf = bytearray(5)
        struct.pack_into("<BI", buf, 0, 1 if self.time_known else 0, self.stamp)
        for value, point in zip(self.values, self.points):
            if value is None:
                buf.append(0)
            elif point.data_type == "number":
                _append_varint(buf, 1 + (value << 1 if value >= 0 else (-value << 1) - 1))
            elif point.data_type == "boolean":
                buf.append(2 if value else 1)
            else:
                text = value.encode()
                _append_varint(buf, 1 + len(text))
                buf.extend(text)
        return bytes(buf)

    def unpack(self, record):
        """Set all fields from a record. Raises CorruptError if it does not fit the datapoints."""
        try:
            flags, self.stamp = struct.unpack_from("<BI", record, 0)
            self.time_known = bool(flags & 1)
            at = 5
            for number, point in enumerate(self.points):
                raw, at = _varint(record, at)
                if raw == 0:
                    value = None
                elif point.data_type == "number":
                    raw -= 1
                    value = -((raw + 1) >> 1) if raw & 1 else raw >> 1
                elif point.data_type == "boolean":
                    value = raw == 2
                else:
                    value = str(record[at : at + raw - 1], "utf-8")
                    at += raw - 1
                self.values[number] = value  # pyright: ignore[reportCallIssue, reportArgumentType]
        except (IndexError, ValueError):
            raise CorruptError("record does not fit the datapoints")
        if at != len(record):
            raise CorruptError("record does not fit the datapoints")


def _scaled(value, scale):
    if not isinstance(value, int) and not math.isfinite(value):
        raise SensorError("not a number: %s" % value)
    value = value * scale if isinstance(value, int) else round(value * scale)
    if not -_MAX_NUMBER <= value <= _MAX_NUMBER:
        raise SensorError("out of range: %s" % value)
    return value


def _append_varint(buf, value):
    while value > 0x7F:
        buf.append(value & 0x7F | 0x80)
        value >>= 7
    buf.append(value)


def _varint(record, at):
    value = shift = 0
    while True:
        byte = record[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
