# type: ignore
# ruff: noqa: F821 (common.py goes before it)
"""Tell what this board is and holds. Changes nothing; works on boards of any age."""

MIN_SIZE = 14


def main(args):
    """args: names of modules that no file may hide, paths to hash"""
    facts = {
        "platform": sys.platform,
        "name": sys.implementation[0],
        "version": list(sys.implementation[1][:3]),
        "bytecode": getattr(sys.implementation, "_mpy", 0) & 0xFF,
        "machine": getattr(sys.implementation, "_machine", ""),
        "stray": list(stray(args["names"])),
    }
    if sys.platform == "esp32":
        facts["unique_id"] = unique_id()
        facts["free_bytes"] = free_bytes()
        facts["hashes"] = {path: sha256(path) for path in args["paths"]}
        facts["identity"] = identity()
        facts["config"] = text("/config.json")
        facts["starts_agent"] = exists("/main.py")
    answer(facts)


def stray(names):
    """Yield the files that hide a module of these names; a folder counts as its name."""
    for folder in ("/", "/lib/"):
        try:
            entries = os.listdir(folder)
        except OSError:
            continue
        for entry in entries:
            stem, dot, kind = entry.partition(".")
            if stem in names and (not dot or kind in ("py", "mpy")):
                yield folder + entry


def text(path):
    try:
        with open(path) as file:
            return file.read(8192)
    except (OSError, UnicodeError):
        return None


def unique_id():
    import machine

    return binascii.hexlify(machine.unique_id()).decode()


def free_bytes():
    stat = os.statvfs("/")
    return stat[0] * stat[3]


def identity():
    """Return the id of the newest valid identity, or None. Its secrets stay here."""
    newest = (-1, None)
    for slot in (0, 1):
        for data in (from_nvs(f"id{slot}"), from_file(f"/identity.{slot}")):
            found = parsed(data)
            if found[0] > newest[0]:
                newest = found
    return newest[1]


def from_nvs(key):
    import esp32

    buf = bytearray(4000)
    try:
        return bytes(buf[: esp32.NVS("ways").get_blob(key, buf)])
    except OSError:
        return b""


def from_file(path):
    try:
        with open(path, "rb") as file:
            return file.read(4000)
    except OSError:
        return b""


def parsed(data):
    """Return (generation, device id); (-1, None) if these are not a whole slot."""
    import struct

    if len(data) < MIN_SIZE or data[:4] != b"WID1":
        return -1, None
    generation, size = struct.unpack_from("<IH", data, 4)
    end = 10 + size
    if len(data) < end + 4 or struct.unpack_from("<I", data, end)[0] != binascii.crc32(data[:end]):
        return -1, None
    try:
        return generation, json.loads(data[10:end])["device_id"]
    except (KeyError, TypeError, ValueError):
        return -1, None
