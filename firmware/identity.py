"""Who this device is: id, MQTT login, the broker's CA, Wi-Fi passwords. Never logged.

Two slots, each held twice, in NVS (blob "id<n>") and in /identity.<n>, the same bytes:

    offset      type  field
    0           4s    b"WID1"
    4           u32   generation    the valid copy with the highest one is in use
    8           u16   size          of the body
    10          ...   body          a JSON object, see FIELDS
    10 + size   u32   CRC-32 of the bytes before, little-endian as all of these

NVS can be emptied by a weak supply and a file by a torn file system: either copy will do.
"""

import binascii
import json
import struct

from micropython import const

from firmware.errors import CorruptError

SLOTS = (0, 1)
FIELDS = ("device_id", "username", "password", "client_id", "ca", "wifi")

_MAGIC = const(b"WID1")
_HEADER = const("<4sIH")
_HEADER_SIZE = const(10)
MAX_SIZE = 4000  # an NVS blob has to fit one page of 4096 bytes


class Identity:
    """The fields of the body as attributes, and generation; ca is the certificate in DER."""

    generation = 0
    device_id = username = password = client_id = ""
    ca = b""
    wifi = []


def file_path(root, slot):
    return root + "identity.%d" % slot


def nvs_key(slot):
    return "id%d" % slot


def pack(body, generation):
    """Return the bytes of a slot. body is the JSON text as bytes."""
    data = struct.pack(_HEADER, _MAGIC, generation, len(body)) + body
    return data + struct.pack("<I", binascii.crc32(data))


def unpack(data):
    """Return the Identity in these bytes.

    Raises CorruptError if they are not a whole, undamaged slot.
    """
    if len(data) < _HEADER_SIZE + 4 or bytes(data[:4]) != _MAGIC:
        raise CorruptError("no identity")
    _, generation, size = struct.unpack_from(_HEADER, data, 0)
    end = _HEADER_SIZE + size
    if len(data) < end + 4:
        raise CorruptError("identity cut short")
    if binascii.crc32(data[:end]) != struct.unpack_from("<I", data, end)[0]:
        raise CorruptError("identity damaged")
    found = Identity()
    found.generation = generation
    try:
        body = json.loads(bytes(data[_HEADER_SIZE:end]))
        for name in FIELDS:
            setattr(found, name, body[name])
        found.ca = binascii.a2b_base64(body["ca"])
    except (KeyError, TypeError, ValueError):
        raise CorruptError("identity lacks a field")
    return found


def load(board):
    """Return the identity in use: the valid copy with the highest generation.

    Raises CorruptError if no copy in any slot is valid; the message tells what was found.
    """
    newest = None
    why = "no identity"
    for slot in SLOTS:
        for read in (read_nvs, read_file):
            try:
                found = unpack(read(board, slot))
            except CorruptError as exc:
                # Damage says more than absence, which is normal for the spare slot.
                why = why if str(exc) == "no identity" else str(exc)
                continue
            if newest is None or found.generation > newest.generation:
                newest = found
    if newest is None:
        raise CorruptError(why)
    return newest


def read_nvs(board, slot):
    # Few identities need the largest buffer.
    for size in (1024, 2048, MAX_SIZE):
        buf = bytearray(size)
        length = board.nvs.get_blob_into(nvs_key(slot), buf)
        if length >= 0:
            break
    return memoryview(buf)[: max(0, length)]


def read_file(board, slot):
    try:
        with open(file_path(board.root, slot), "rb") as file:
            # read() takes memory for all that it is allowed to read, before it reads.
            size = file.seek(0, 2)
            file.seek(0)
            return memoryview(file.read(min(size, MAX_SIZE)))
    except OSError:
        return b""
