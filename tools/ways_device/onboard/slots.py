# type: ignore
# ruff: noqa: F821, PLR2004, UP031 (common.py goes before it; numbers of the format)
"""The identity slots of a board, read without the agent's code: it may be damaged."""

_MAGIC = b"WID1"
_MOST = 4096


def copies():
    """Yield (slot, place, its bytes) of all four copies; b"" where there is none."""
    for slot in (0, 1):
        yield slot, "nvs", from_nvs("id%d" % slot)
        yield slot, "file", from_file("/identity.%d" % slot)


def from_nvs(key):
    import esp32

    buf = bytearray(_MOST)
    try:
        return bytes(buf[: esp32.NVS("ways").get_blob(key, buf)])
    except OSError:
        return b""


def from_file(path):
    try:
        with open(path, "rb") as file:
            return file.read(_MOST)
    except OSError:
        return b""


def opened(data):
    """Return (generation, body) of a copy; (-1, None) if these are not a whole one."""
    import struct

    if len(data) < 14 or data[:4] != _MAGIC:
        return -1, None
    generation, size = struct.unpack_from("<IH", data, 4)
    end = 10 + size
    if len(data) < end + 4 or struct.unpack_from("<I", data, end)[0] != binascii.crc32(data[:end]):
        return -1, None
    try:
        body = json.loads(data[10:end])
        return (generation, body) if isinstance(body["device_id"], str) else (-1, None)
    except (KeyError, TypeError, ValueError):
        return -1, None


def current():
    """Return the body of the newest valid copy, None if there is none. Its secrets stay here."""
    newest = (-1, None)
    for _, _, data in copies():
        found = opened(data)
        if found[0] > newest[0]:
            newest = found
    return newest[1]
