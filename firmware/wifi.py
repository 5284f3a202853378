"""The station link: joins the known networks in turn and tells the others when it is up."""

import asyncio

from firmware.errors import LinkError

_JOIN_MS = 15_000
_POLL_MS = 100
_WATCH_MS = 500
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
        self._wlan = wlan
        self._networks = sorted(networks, key=_rank)
        self._clock = clock
        self._log = log
        self._backoff = backoff

    def rssi_dbm(self):
        """Return the signal strength, None without a link or a radio."""
        if not self.up.is_set() or not self._networks:
            return None
        try:
            return self._wlan.status("rssi")
        except OSError:
            return None

    def dns_servers(self):
        return [self._wlan.ifconfig()[3]]

    async def run(self):
        """Keep the link up, for ever."""
        self._wlan.active(True)
        # Left to itself the driver tries again for ever, at once, and never tells why it failed.
        self._wlan.config(reconnects=0)
        while True:
            try:
                await self._join_any()
                self._backoff.reset()
                self.up.set()
                self._log.info("link_up", rssi_dbm=self.rssi_dbm())
                while self._wlan.isconnected():
                    await self._clock.sleep_ms(_WATCH_MS)
                self._log.warn("link_down", why="lost")
            except (LinkError, OSError) as exc:
                self._log.warn("join_failed", why=exc)
            finally:  # on cancellation too: never leave up set
                self.up.clear()
            await self._clock.sleep_ms(self._backoff.next_ms())

    async def _join_any(self):
        if not self._networks:  # a machine with a wire, or one that joins by itself
            while not self._wlan.isconnected():
                await self._clock.sleep_ms(_WATCH_MS)
            return
        for number, entry in enumerate(self._networks):
            try:
                await self._join(entry["ssid"], entry["password"])
                return
            except (LinkError, OSError):
                if number == len(self._networks) - 1:
                    raise

    async def _join(self, ssid, password):
        """Join one network. Raises LinkError with the reason, or the driver's OSError."""
        wlan = self._wlan
        # The driver refuses to connect while it is connecting.
        wlan.disconnect()
        wlan.connect(ssid, password)
        started = self._clock.ticks_ms()
        status = None
        while self._clock.ticks_diff(self._clock.ticks_ms(), started) < _JOIN_MS:
            if wlan.isconnected():
                return
            status = wlan.status()
            if status in _REASONS:
                break
            await self._clock.sleep_ms(_POLL_MS)
        wlan.disconnect()
        raise LinkError("%s ssid=%s" % (_REASONS.get(status or 0, "timeout"), ssid))


def _rank(entry):
    return -entry.get("priority", 0)
