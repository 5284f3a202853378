"""Joining without asking: what a sleeper keeps of a link, to have the same one back sooner.

The address is used again without DHCP, which takes a second, and the same access point is asked
for. Up to MicroPython 1.28 connect() takes a BSSID but no channel, and config(channel=) is not
what it goes by: the driver looks through the channels from 1 up to the right one each time.

Layout of the hint, little-endian, 35 bytes:

    offset  type  field
    0       u8    1
    1       u32   CRC-32 of the SSID
    5       6s    BSSID, zeros = any
    11      u32   stamp of the clock when DHCP gave the address, in s
    15      16s   address, netmask, gateway and name server
    31      u32   CRC-32 of the bytes before
"""

import binascii
import struct

from micropython import const

# When the attempt is given up and the normal way begins.
_LIMIT_MS = const(4_000)

_LAYOUT = const("<BI6sI16s")
_SIZE = const(35)
# Leases are an hour or longer almost everywhere; how long this one is nobody tells.
_LEASE_S = const(3600)
_ANY = const(b"\0\0\0\0\0\0")


def hint(wifi):
    """Return what to keep of the present link, to be wifi.fast of the next start; b"" for none.

    Keep it once a session was had over this link, and forget it otherwise: an address that
    another device has got meanwhile lets us in and leads nowhere.
    """
    if not wifi.up.is_set() or not wifi.networks:
        return b""
    if wifi.fast:  # this link is one of an older hint, whose address is as old as it says
        return wifi.fast
    data = struct.pack(
        _LAYOUT,
        1,
        binascii.crc32(wifi.wlan.config("ssid").encode()),
        wifi.bssid or _ANY,
        wifi.clock.stamp(),
        bytes(int(part) for text in wifi.wlan.ifconfig() for part in text.split(".")),
    )
    return data + _check(data)


async def join(wifi, data, attempt):
    """Join by a hint; return whether there is a link now. wifi.fast is the hint then.

    attempt is joining.py's own. It takes 4 s at most, and nothing if the hint is damaged,
    about a network that is not known any more, or too old for its address.
    """
    if len(data) != _SIZE or data[-4:] != _check(data[:-4]):
        return False
    _, name, bssid, since_s, words = struct.unpack(_LAYOUT, data[:-4])
    is_static = wifi.settings and wifi.settings[1]
    if not is_static and not 0 <= wifi.clock.stamp() - since_s < _LEASE_S:
        return False
    for entry in wifi.networks:
        if binascii.crc32(entry["ssid"].encode()) == name:
            break
    else:
        return False
    if not is_static:
        parts = [str(part) for part in words]
        wifi.wlan.ifconfig([".".join(parts[at : at + 4]) for at in range(0, 16, 4)])
    bssid = None if bssid == _ANY else bssid
    try:
        await attempt(wifi, entry, bssid, _LIMIT_MS)
    except (OSError, RuntimeError):
        return False
    wifi.fast, wifi.bssid = data, bssid
    return True


def _check(data):
    return struct.pack("<I", binascii.crc32(data))
