"""How a network is joined. In memory only while there is none.

What the driver of the ESP32 port does and does not do, which this is built around:

- connect(), and every setting, is refused while it is connecting; disconnect() ends that only
  a moment later. Whatever it does survives a soft reset.
- Left to itself it tries again for ever, at once; with reconnects=0 it stops and has a status.
- A status of 201, 202, 205 or 210 to 212 stays until the next attempt ends, so that it may be
  the last attempt's; 1000 may be shown while it is connecting.
- What it has no text for is a RuntimeError.
- scan() holds the thread up for some 2 s, and returns nothing when it fails.

Source: MicroPython 1.25 to 1.27, ports/esp32/network_wlan.c and network_common.c.
"""

from micropython import const

from firmware import unload
from firmware.errors import LinkError

_JOIN_MS = const(15_000)
_POLL_MS = const(100)
_SETTLE_MS = const(300)
# A failure that could be the last attempt's is believed then: looking for a network takes 3 s.
_STALE_MS = const(6_000)
# The thread may stand still meanwhile: a scan takes 2 s, a TLS handshake 3 s.
_ALIVE_MS = const(20_000)
# After so many rounds without a session the radio is switched off and on, not more often than
# every five minutes.
_ROUNDS = const(3)
_RADIO_MS = const(300_000)
_IDLE = const(1000)
_OPEN = const(0)
# network.STAT_*: the chip's numbers, which no other port shares.
# 15 is what the driver tells when the four-way handshake fails, which a wrong password makes it.
_REASONS = {
    15: "wrong_password",
    200: "beacon_timeout",
    201: "no_ap_found",
    202: "wrong_password",
    203: "assoc_failed",
    204: "handshake",
    205: "wrong_password",
    210: "security",
    211: "security",
}


async def join(wifi):
    """Join the best of wifi.networks that lets us in.

    Raises what kept it from the last one tried: LinkError with a reason, or the driver's
    OSError or RuntimeError.
    """
    await _start(wifi)
    if await _by_hint(wifi):
        return
    if not (wifi.settings and wifi.settings[1]):
        wifi.wlan.ipconfig(dhcp4=True)
    failure = LinkError("changed")
    for place, entry, bssid in _candidates(wifi):
        if entry not in wifi.networks:  # somebody has assigned others meanwhile
            continue
        try:
            await _attempt(wifi, entry, bssid, _JOIN_MS)
            wifi.place, wifi.bssid = place, bssid
            return
        except (OSError, RuntimeError) as exc:
            failure = exc
    if wifi.why:
        wifi.why = str(failure)
    raise failure


async def _by_hint(wifi):
    """Return whether a sleeper's hint brought its link back. It is tried at the start only."""
    hint, wifi.fast = wifi.fast, None
    if not hint or wifi.place:
        return False
    from firmware import fastjoin

    try:
        if not await fastjoin.join(wifi, hint, _attempt):
            return False
    finally:
        unload("fastjoin")
    wifi.place = 1
    return True


async def _start(wifi):
    """Have the radio on and the driver idle; after some rounds, switch the radio off before."""
    wlan, clock = wifi.wlan, wifi.clock
    clock.alive("wifi", _ALIVE_MS)
    now_ms = clock.uptime_ms()
    if wifi.rounds >= _ROUNDS and (wifi.radio_ms is None or now_ms - wifi.radio_ms >= _RADIO_MS):
        wifi.log.warn("radio_reset", rounds=wifi.rounds)
        wifi.radio_ms = now_ms
        wlan.active(False)
        await clock.sleep_ms(_SETTLE_MS)
    wifi.rounds += 1  # a session sets it back
    was_on = wlan.active()
    wlan.active(True)
    if was_on:
        wlan.disconnect()
        await clock.sleep_ms(_SETTLE_MS)
    wlan.config(reconnects=0)
    if wifi.settings:
        power_save, address = wifi.settings
        if power_save is not None:
            wlan.config(pm=power_save)
        if address:
            wlan.ifconfig(address)


def _candidates(wifi):
    """Return [(place from 1 on, network, BSSID or None)] in the order they are tried.

    By priority, then by signal; what a scan does not show comes last, it may be hidden. Without
    a choice or trouble nothing is scanned. All access points of a network are tried: the
    strongest may be somebody's who has taken its name. After a link without a session it goes
    on further down: what lets us in may lead nowhere.
    """
    networks = wifi.networks
    seen = _scan(wifi) if len(networks) > 1 or wifi.rounds > 1 else ()
    ranked = []
    for entry in networks:
        found = []
        for ssid, bssid, _, rssi_dbm, security, _ in seen:
            # A network with a password is not joined without one.
            if ssid == entry["ssid"].encode() and (security != _OPEN or not entry["password"]):
                found.append((rssi_dbm, bssid))
        for rssi_dbm, bssid in found or [(None, None)]:
            order = (rssi_dbm is None, -entry.get("priority", 0), -(rssi_dbm or 0), len(ranked))
            ranked.append((order, entry, bssid))
    ranked.sort()
    placed = [(place + 1,) + one[1:] for place, one in enumerate(ranked)]
    start = wifi.place % len(placed)
    return placed[start:] + placed[:start]


def _scan(wifi):
    try:
        return wifi.wlan.scan()
    except (OSError, RuntimeError, MemoryError):  # then nothing is known, and all are tried
        return ()


async def _attempt(wifi, entry, bssid, limit_ms):
    """Join one network. Raises LinkError with the reason, or the driver's own error."""
    wlan, clock = wifi.wlan, wifi.clock
    before = wlan.status()
    wlan.connect(entry["ssid"], entry["password"], bssid=bssid)
    started = clock.ticks_ms()
    status = None
    passed_ms = 0
    while passed_ms < limit_ms and entry in wifi.networks:
        clock.alive("wifi", _ALIVE_MS)
        if wlan.isconnected():
            return
        status = wlan.status()
        if status < _IDLE and (status != before or passed_ms >= _STALE_MS):
            break
        await clock.sleep_ms(_POLL_MS)
        passed_ms = clock.ticks_diff(clock.ticks_ms(), started)
    else:
        status = _IDLE
    reason = _reason(wlan, status)
    wlan.disconnect()
    await clock.sleep_ms(_SETTLE_MS)
    raise LinkError("%s ssid=%s" % (reason, entry["ssid"]))


def _reason(wlan, status):
    if status < _IDLE:
        return _REASONS.get(status) or "reason_%d" % status
    try:
        wlan.status("rssi")
    except OSError:
        return "timeout"
    return "no_address"  # there is an access point, but nobody who gives addresses
