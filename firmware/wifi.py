"""The station link: joins the known networks in turn and tells the others when it is up."""

import asyncio
import sys

from micropython import const

from firmware import unload

_WATCH_MS = const(500)


class Wifi:
    """Set up while there is an address. Nobody else joins or leaves a network."""

    def __init__(self, wlan, networks, clock, log, backoff, servers=None):
        """networks is the identity's list of {"ssid", "password", "priority"}.

        servers are the name servers to ask, none = the network's own.
        """
        self.up = asyncio.Event()
        self.wlan = wlan
        self.networks = sorted(
            networks,
            key=lambda entry: -entry.get("priority", 0),  # pyright: ignore[reportAttributeAccessIssue]
        )
        self.clock = clock
        self.log = log
        self.backoff = backoff
        self.servers = servers
        self.known = {}  # addresses that were good, by name

    def rssi_dbm(self):
        """Return the signal strength, None without a link or a radio."""
        if not self.up.is_set() or not self.networks:
            return None
        try:
            return self.wlan.status("rssi")
        except OSError:
            return None

    def dns_servers(self):
        return self.servers or [self.wlan.ifconfig()[3]]

    async def resolve(self, host):
        """Return the IPv4 address of host as text. Raises OSError if there is none.

        What looks it up is in memory while it does so only.
        """
        is_kept = "firmware.dns" in sys.modules
        from firmware import dns

        try:
            return await dns.Resolver(self.dns_servers, self.known).resolve(host)
        finally:
            if not is_kept:
                unload("dns")

    async def online(self):
        """Return when a session makes sense: with a link, and a time to check certificates by."""
        await self.up.wait()
        await self.clock.settled.wait()

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
            except (OSError, MemoryError) as exc:
                self.log.warn("join_failed", why=exc)
            finally:  # on cancellation too: never leave up set
                self.up.clear()
            await self.clock.sleep_ms(self.backoff.next_ms())

    async def _join_any(self):
        if not self.networks:  # a machine with a wire, or one that joins by itself
            while not self.wlan.isconnected():
                await self.clock.sleep_ms(_WATCH_MS)
            return
        from firmware import joining

        try:
            await joining.join_any(self.wlan, self.networks, self.clock)
        finally:
            unload("joining")
