"""What safe mode knows and may repair: read anew each time, for any of it may be damaged.

As safemode.py it uses nothing of the agent. The layouts are those of identity.py, config.py,
lastrun.py and journal.py.
"""

import binascii
import json
import os
import struct
import time

import esp32
import machine
from micropython import const

# As in clock.py: no true time is before it.
BUILT_EPOCH_S = 1795392000

_PORT_EPOCH_S = 946684800 if time.gmtime(0)[0] == 2000 else 0
_MAX_CONFIG = const(8192)
_MAX_BLOB = const(4000)
_ID = const(8)
_IDS = const(64 * 8)
# As in clock.py: nobody's clock is further ahead.
_HORIZON_S = const(10 * 366 * 86400)

nvs = esp32.NVS("ways")


def number(key):
    try:
        return nvs.get_i32(key)
    except OSError:
        return 0


def blob(key):
    buf = bytearray(_MAX_BLOB)
    try:
        return bytes(buf[: nvs.get_blob(key, buf)])
    except OSError:
        return b""


def content(path, most=_MAX_CONFIG):
    """Return the bytes of a file, none if it is not there or larger."""
    try:
        if os.stat(path)[6] <= most:
            with open(path, "rb") as file:
                return file.read()
    except OSError:
        pass
    return b""


def parsed(data):
    """Return the JSON object in data, an empty one if there is none."""
    try:
        found = json.loads(data) if data.strip().endswith(b"}") else None
    except Exception:  # no memory for it is as bad
        found = None
    return found if isinstance(found, dict) else {}


def identity():
    """Return the body of the newest slot that is whole. Raises ValueError if none is."""
    newest, found = -1, None
    for slot in range(2):
        for data in (blob("id%d" % slot), content("/identity.%d" % slot)):
            if len(data) < 14 or data[:4] != b"WID1":
                continue
            generation, size = struct.unpack_from("<IH", data, 4)
            check = data[10 + size : 14 + size]
            is_whole = check == struct.pack("<I", binascii.crc32(data[: 10 + size]))
            if is_whole and generation > newest:
                newest, found = generation, parsed(data[10 : 10 + size])
    if not found:
        raise ValueError("no identity")
    return found


def configs():
    """Return the objects of the two files of settings, the one in use first."""
    return parsed(content("/config.json")), parsed(content("/config.last"))


def setting(key, kind):
    """Return the first value of this type in the files of settings, None if there is none."""
    for values in configs():
        if isinstance(values.get(key), kind):
            return values[key]
    return None


def brokers():
    """Return all (host, port) that are known, the one that brought a session last first."""
    host, _, port = blob("broker").decode().rpartition(":")
    found = [(host, int(port))] if host else []
    for values in configs():
        host, port = values.get("mqtt_host"), values.get("mqtt_port", 8883)
        if isinstance(host, str) and isinstance(port, int) and (host, port) not in found:
            found.append((host, port))
    if not found:
        raise ValueError("no broker")
    return found


def crash():
    """Return the record of the last crash, None if there is none."""
    return parsed(blob("crash")) or None


def journal():
    """Return the checks of the ids of the last commands that the agent took."""
    data = content("/commands")[:_IDS]
    return [data[at : at + _ID] for at in range(0, len(data), _ID)]


def restore_config():
    """Bring back the last good settings; the defaults if those are in use. Raises OSError."""
    host, port = brokers()[0]
    last = content("/config.last")
    data = json.dumps({"rev": 0, "mqtt_host": host, "mqtt_port": port}).encode()
    if parsed(last) and last != content("/config.json"):
        data = last
    with open("/config.json.tmp", "wb") as file:
        file.write(data)
        file.flush()
    os.rename("/config.json.tmp", "/config.json")
    return {"settings": parsed(data)}


def now_s():
    """Return the Unix time, or 0 while the clock cannot be right."""
    now = int(time.time()) + _PORT_EPOCH_S
    return now if now >= max(BUILT_EPOCH_S, number("time_floor") & 0xFFFFFFFF) else 0


def set_clock():
    """Have the clock right, or good enough to check a certificate by."""
    if now_s():
        return
    epoch_s = max(BUILT_EPOCH_S, number("time_floor") & 0xFFFFFFFF)
    ahead_s = _asked_s() - epoch_s
    if 0 < ahead_s <= _HORIZON_S:
        epoch_s += ahead_s
    year, month, day, hour, minute, second, weekday = time.gmtime(epoch_s - _PORT_EPOCH_S)[:7]
    machine.RTC().datetime((year, month, day, weekday, hour, minute, second, 0))


def _asked_s():
    """Return the Unix time that a time server tells, 0 if none does. It asks at port 123 only."""
    try:
        import ntptime
    except ImportError:
        return 0
    for host in setting("ntp_hosts", list) or [ntptime.host]:
        try:
            ntptime.host = host.partition(":")[0]
            return ntptime.time() + _PORT_EPOCH_S
        except Exception:  # an answer of another length is none either
            continue
    return 0


def leave(starts):
    """Reset, as planned, with so many starts counted as failed."""
    nvs.set_i32("starts", starts)
    nvs.commit()
    rtc = machine.RTC()
    data = bytearray(rtc.memory())
    data[28] = 1
    data[32:36] = struct.pack("<I", binascii.crc32(data[:32]))
    rtc.memory(data)
    machine.reset()
