"""The host's half of a device's identity: the bytes as the board stores them.

    offset  type  field
    0       4s    "WID1"
    4       u32   generation: the highest valid one is the active identity
    8       u16   length of the body
    10      ...   body: JSON in UTF-8
    end     u32   crc32 of everything before
All little-endian.
"""

import base64
import hashlib
import json
import struct
import zlib
from collections.abc import Sequence

from ways_device.wifi import Network

_MAGIC = b"WID1"


def body(device_id: str, login: dict[str, str], ca_der: bytes, wifi: Sequence[Network]) -> bytes:
    """Return the body to install.

    login   username, password, client_id; empty where the board already holds them
    """
    content = {
        "device_id": device_id,
        **login,
        "ca": base64.b64encode(ca_der).decode(),
        "wifi": [network.as_json() for network in wifi],
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def pack(body_bytes: bytes, generation: int) -> bytes:
    """Return the whole record, as both copies on the board must read."""
    head = _MAGIC + struct.pack("<IH", generation, len(body_bytes)) + body_bytes
    return head + struct.pack("<I", zlib.crc32(head))


def sha256(body_bytes: bytes, generation: int) -> str:
    """Return the hash, in hex, that both copies on the board must have."""
    return hashlib.sha256(pack(body_bytes, generation)).hexdigest()
