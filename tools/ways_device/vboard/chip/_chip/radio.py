"""The Wi-Fi radio: associates with the network that is in the air, loses it, tries again.

Behaves as the driver under the ESP32 port: after connect() it tries again for ever, at once and
with a wrong password too, unless `reconnects` limits it. Its state survives a soft reset.
"""

import json
import time

from _chip import host

IDLE = 1000
CONNECTING = 1001
GOT_IP = 1010
BEACON_TIMEOUT = 200

_FILE = "radio"
_ASSOCIATE_MS = 50
_FAIL_MS = 300
# Why an attempt fails, by the state of the network; "up" lets it in.
_REASONS = {
    "down": 201,
    "wrong_password": 202,
    "association_failed": 203,
    "handshake_timeout": 204,
}
_RSSI_STEP_MS = 2000
_RSSI_WANDER_DB = (0, 1, 2, 1, 0, -1, -2, -1)

_air = {"ssid": "", "password": "", "state": "down", "rssi": -61}
_state = {}


def _reset_state():
    _state.update(
        active=False,
        ssid=None,
        key=None,
        # An attempt is under way since then; None: no attempt.
        since_ms=None,
        connected=False,
        reason=0,
        failures=0,
        reconnects=-1,
        config={},
    )


def install():
    """Take up the state a soft reset left, and follow the air from now on."""
    _reset_state()
    _air.update(host.wire.latest["air"])
    saved = host.run_dir.read(_FILE)
    if saved:
        _state.update(json.loads(saved))
    host.wire.listen(_on_message)


def save():
    host.run_dir.replace(_FILE, json.dumps(_state).encode())


def _on_message(message):
    air = message["air"]
    if air != _air:
        _advance()
        _air.update(air)
        if _state["connected"] and _judge():
            _lose(BEACON_TIMEOUT)


def _judge():
    """Return why the network would refuse us now, 0 if it would not."""
    if _air["state"] == "down" or _air["ssid"] != _state["ssid"]:
        return _REASONS["down"]
    if _air["state"] == "up" and _air["password"] != _state["key"]:
        return _REASONS["wrong_password"]
    return _REASONS.get(_air["state"], 0)


def _lose(reason):
    """Note a failure or a lost link, and begin the next attempt if one is left."""
    _state["connected"] = False
    _state["reason"] = reason
    _state["failures"] += 1
    again = _state["reconnects"] < 0 or _state["failures"] <= _state["reconnects"]
    _state["since_ms"] = time.ticks_ms() if again else None


def _advance():
    """Let the attempt that is under way end, if its time has come."""
    since_ms = _state["since_ms"]
    if since_ms is None:
        return
    reason = _judge()
    passed_ms = time.ticks_diff(time.ticks_ms(), since_ms)
    if passed_ms < (_FAIL_MS if reason else _ASSOCIATE_MS):
        return
    if reason:
        _lose(reason)
    else:
        _state.update(connected=True, reason=0, since_ms=None)
        save()


def _look():
    host.wire.receive()
    _advance()


def is_up():
    """Tell whether there is a link with an address."""
    _look()
    return _state["connected"]


def is_active():
    return _state["active"]


def set_active(on):
    if not on:
        _state.update(since_ms=None, connected=False, reason=0)
    elif not _state["active"]:
        _state["failures"] = 0
    _state["active"] = bool(on)
    save()


def connect(ssid, key):
    """Begin to associate; ssid None: with the network of the last time."""
    _look()
    if not _state["active"]:
        raise OSError("Wifi Not Started")
    if _state["since_ms"] is not None:
        raise OSError("Wifi Internal Error")
    if ssid is not None:
        _state.update(ssid=ssid, key=key or "")
    _state.update(since_ms=time.ticks_ms(), connected=False, failures=0)
    save()


def disconnect():
    _look()
    if not _state["active"]:
        raise OSError("Wifi Not Started")
    _state.update(since_ms=None, connected=False)
    save()


def status():
    """Return one of the STAT_ numbers of the module network."""
    _look()
    if _state["connected"]:
        return GOT_IP
    if _state["since_ms"] is not None:
        return CONNECTING
    return _state["reason"] or IDLE


def rssi_dbm():
    """Return the signal strength; it wanders a little, the same way each time."""
    step = time.ticks_ms() // _RSSI_STEP_MS
    return _air["rssi"] + _RSSI_WANDER_DB[step % len(_RSSI_WANDER_DB)]


def networks():
    """Return (ssid, rssi) of each network in reach."""
    host.wire.receive()
    return [] if _air["state"] == "down" else [(_air["ssid"], rssi_dbm())]


def config():
    """Return the dict of settings that only have to be remembered; call save() after a change."""
    return _state["config"]


def reconnects():
    return _state["reconnects"]


def set_reconnects(count):
    _state["reconnects"] = count
    save()


def ssid():
    return _state["ssid"] or ""
