"""The station link: joins the known networks in turn and tells the others when it is up."""

import asyncio

from micropython import const

from firmware.errors import LinkError

_JOIN_MS = const(15_000)
_POLL_MS = const(100)
_WATCH_MS = const(500)
# network.STAT_*: the chip's numbers, which no other port shares.
# 15 is what the driver tells when the four-way handshake fails, which a wrong password makes it.
_REASONS = {
    15: "wrong_password",
    201: "no_ap_found",
    202: "wrong_password",
    203: "assoc_failed",
    204: "handshake",
}


class Wifi:
    """Set up while there is an address. Nobody else joins or leaves a network."""

    def __init__(self, wlan, networks, clock, log, backoff):
        """networks is the identity's list of {"ssid", "password", "priority"}."""
        self.up = asyncio.Event()
        self.wlan = wlan
        self.networks = sorted(
            networks,
            key=lambda entry: -entry.get("priority", 0),  # pyright: ignore[reportAttributeAccessIssue]
        )
        self.clock = clock
        self.log = log
        self.backoff = backoff

    def rssi_dbm(self):
        """Return the signal strength, None without a link or a radio."""
        if not self.up.is_set() or not self.networks:
            return None
        try:
            return self.wlan.status("rssi")
        except OSError:
            return None

    def dns_servers(self):
        return [self.wlan.ifconfig()[3]]

    async def run(self):
        """Keep the link up, for ever."""
        self.wlan.active(True)
        # Left to itself the driver tries again for ever, at once, and never tells why it failed.
        self.wlan.config(reconnects=0)
        while True:
            try:
                await self._join_any()
                self.backoff.reset()
                self.up.set()
                self.log.info("link_up", rssi_dbm=self.rssi_dbm())
                while self.wlan.isconnected():
                    await self.clock.sleep_ms(_WATCH_MS)
                self.log.warn("link_down", why="lost")
            except OSError as exc:
                self.log.warn("join_failed", why=exc)
            finally:  # on cancellation too: never leave up set
                self.up.clear()
            await self.clock.sleep_ms(self.backoff.next_ms())

    async def _join_any(self):
        if not self.networks:  # a machine with a wire, or one that joins by itself
            while not self.wlan.isconnected():
                await self.clock.sleep_ms(_WATCH_MS)
            return
        for entry in self.networks:
            try:
                await self._join(entry["ssid"], entry["password"])
                return
            except OSError as exc:
                failure = exc
        raise failure  # pyright: ignore[reportPossiblyUnboundVariable] - there is one at least

    async def _join(self, ssid, password):
        """Join one network. Raises LinkError with the reason, or the driver's OSError."""
        wlan = self.wlan
        # The driver refuses to connect while it is connecting.
        wlan.disconnect()
        wlan.connect(ssid, password)
        started = self.clock.ticks_ms()
        status = None
        while self.clock.ticks_diff(self.clock.ticks_ms(), started) < _JOIN_MS:
            if wlan.isconnected():
                return
            status = wlan.status()
            if status in _REASONS:
                break
            await self.clock.sleep_ms(_POLL_MS)
        wlan.disconnect()
        raise LinkError("%s ssid=%s" % (_REASONS.get(status or 0, "timeout"), ssid))
