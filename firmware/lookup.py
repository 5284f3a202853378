"""What get_config and get_logs tell: as much as fits a message, and how much more there is."""

import json

from micropython import const

from firmware import report
from firmware.errors import RejectedError
from firmware.ring import Ring

_MANY = const(100)


def run(down, name, args):
    return _logs(down, args) if name == "get_logs" else _config(down, args)


def fitting(down, result):
    """Return result, or what says so if it is too large for a message."""
    size = _size(result)
    return result if size <= report.room(down) else {"too_large": size}


def _size(value):
    return len(json.dumps(value).encode())


def _config(down, args):
    """Return {"settings": {key: value}, "more": number of settings behind these}."""
    from firmware import settings

    values, table = settings.in_use(down)
    keys = args.get("keys")
    if keys is None:
        keys = [row[0] for row in table]
    defaults = {row[0]: row[4] for row in table}
    told = {}
    left = report.room(down) - 40
    keys = keys[args.get("skip", 0) :]
    for number, key in enumerate(keys):
        if key not in defaults:
            raise RejectedError("keys: %s is unknown" % key[:32])
        value = values.get(key, defaults[key])
        size = _size({key: value})
        if size > left and not told:
            value, size = "too large", 0
        if size > left:
            return {"settings": told, "more": len(keys) - number}
        left -= size
        told[key] = value
    return {"settings": told, "more": 0}


def _logs(down, args):
    """Return {"lines": the newest, oldest first, "more": number of older ones}."""
    ring = down.agent.log.root.sink
    if not isinstance(ring, Ring):
        raise RejectedError("no log_ring_bytes")
    text = bytes(ring.buf[: ring.end])
    lines = text.split(b"\n")[:-1]
    end = len(lines) - args.get("skip", 0)
    left = report.room(down) - 40
    told = []
    while end > 0 and len(told) < args.get("lines", _MANY):
        line = _text(lines[end - 1])
        size = _size(line) + 2
        if size > left and not told:
            line, size = line[: left // 8], 0
        if size > left:
            break
        left -= size
        told.insert(0, line)
        end -= 1
    return {"lines": told, "more": max(0, end)}


def _text(line):
    try:
        return str(line, "utf-8")
    except ValueError:  # a character was cut at the end of a long line
        return "".join([chr(byte) if byte < 0x80 else "?" for byte in line])
