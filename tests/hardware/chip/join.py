# type: ignore
"""Joining a network by the plain driver, with a limit to each wait."""

import time

_JOIN_MS = 20_000
_SETTLE_MS = 500
_IDLE = 1000  # statuses below it are reasons, see network_wlan.c


def station():
    """Return the radio, on, connected to nothing and with nothing left to try."""
    import network

    wlan = network.WLAN(network.WLAN.IF_STA)
    wlan.active(True)
    wlan.disconnect()
    time.sleep_ms(_SETTLE_MS)
    wlan.config(reconnects=0)
    return wlan


def joined(wlan, ssid, password, bssid=None):
    """Return (ms until there was an address, or None; the status that the driver tells)."""
    wlan.disconnect()
    time.sleep_ms(_SETTLE_MS)
    before = wlan.status()
    started = time.ticks_ms()
    wlan.connect(ssid, password, bssid=bssid)
    passed = 0
    while passed < _JOIN_MS:
        if wlan.isconnected():
            return passed, wlan.status()
        status = wlan.status()
        # A reason of before is still shown for a while.
        if status < _IDLE and (status != before or passed > _JOIN_MS // 2):
            return None, status
        time.sleep_ms(10)
        passed = time.ticks_diff(time.ticks_ms(), started)
    return None, wlan.status()
