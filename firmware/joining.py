"""How a network is joined. In memory only while there is none."""

from micropython import const

from firmware.errors import LinkError

_JOIN_MS = const(15_000)
_POLL_MS = const(100)
# network.STAT_*: the chip's numbers, which no other port shares.
# 15 is what the driver tells when the four-way handshake fails, which a wrong password makes it.
_REASONS = {
    15: "wrong_password",
    201: "no_ap_found",
    202: "wrong_password",
    203: "assoc_failed",
    204: "handshake",
}


async def join_any(wlan, networks, clock):
    """Join the first of the networks that can be joined. Raises what kept it from the last."""
    for entry in networks:
        try:
            await _join(wlan, clock, entry["ssid"], entry["password"])
            return
        except OSError as exc:
            failure = exc
    raise failure  # pyright: ignore[reportPossiblyUnboundVariable] - there is one at least


async def _join(wlan, clock, ssid, password):
    """Join one network. Raises LinkError with the reason, or the driver's OSError."""
    # The driver refuses to connect while it is connecting.
    wlan.disconnect()
    wlan.connect(ssid, password)
    started = clock.ticks_ms()
    status = None
    while clock.ticks_diff(clock.ticks_ms(), started) < _JOIN_MS:
        if wlan.isconnected():
            return
        status = wlan.status()
        if status in _REASONS:
            break
        await clock.sleep_ms(_POLL_MS)
    wlan.disconnect()
    raise LinkError("%s ssid=%s" % (_REASONS.get(status or 0, "timeout"), ssid))
