"""The station link: joins the known networks in turn and tells the others when it is up."""

import asyncio
import sys

from micropython import const

from firmware import unload

_WATCH_MS = const(500)
# So many looks at a link over which no session comes, ten minutes, and another one is tried.
_USELESS = const(1200)
# The thread may stand still meanwhile: a scan takes 2 s, a TLS handshake 3 s.
_ALIVE_MS = const(20_000)


class Wifi:
    """Set up while there is an address. Nobody else joins or leaves a network."""

    settings = None  # those of radio.py, None = the driver's own
    fast = bssid = None  # what fastjoin.py had made for a sleeper; the access point, if chosen
    why = None  # the last failure to join, kept if there is something here
    radio_ms = None  # uptime when the radio was last switched off and on

    def __init__(self, wlan, networks, clock, log, backoff, servers=None):
        """networks is the identity's list of {"ssid", "password", "priority"}.

        servers are the name servers to ask, none = the network's own. Who assigns another list
        to networks has the link left for one of those.
        """
        self.up = asyncio.Event()
        # Set while there is a session: who makes that puts its own here.
        self.in_use = self.up
        self.wlan = wlan
        self.networks = networks
        self.clock = clock
        self.log = log
        self.backoff = backoff
        self.servers = servers
        self.known = {}  # addresses that were good, by name
        self.rounds = 0  # of joining, since the last session
        self.place = 0  # of the last link among those to be had, 0 once it brought a session
        self.level = None  # eight times the smoothed signal, in dBm

    def rssi_dbm(self):
        """Return the signal strength, smoothed over about eight calls, None without a link."""
        level = None
        if self.up.is_set() and self.networks:
            try:
                level = self.wlan.status("rssi")
                level = level + self.level - (self.level >> 3) if self.level else 8 * level
            except OSError:
                pass
        self.level = level
        return level and level >> 3

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
        while True:
            try:
                await self._join()
                self.up.set()
                self.log.info("link_up", rssi_dbm=self.rssi_dbm())
                await self._watch()
                self.log.warn("link_down", why="left" if self.wlan.isconnected() else "lost")
            # What the driver has no name for is a RuntimeError of its.
            except (OSError, RuntimeError, MemoryError) as exc:
                self.log.warn("join_failed", why=exc)
            finally:  # on cancellation too: never leave up set
                self.up.clear()
                self.level = None
            wait_ms = self.backoff.next_ms()
            self.clock.alive("wifi", wait_ms + _ALIVE_MS)
            await self.clock.sleep_ms(wait_ms)

    async def _join(self):
        if not self.networks:  # a machine with a wire, or one that joins by itself
            while not self.wlan.isconnected():
                self.clock.alive("wifi", _ALIVE_MS)
                await self.clock.sleep_ms(_WATCH_MS)
            return
        from firmware import joining

        try:
            await joining.join(self)
        finally:
            unload("joining")

    async def _watch(self):
        """Return when the link is lost, or of no use, or not among the networks any more."""
        networks = self.networks
        left = _USELESS
        while left and networks is self.networks and self.wlan.isconnected():
            self.clock.alive("wifi", _ALIVE_MS)
            await self.clock.sleep_ms(_WATCH_MS)
            if self.in_use.is_set():
                self.backoff.reset()
                self.rounds = self.place = 0
                left = _USELESS
            elif networks:
                # The driver goes on calling itself connected when its address has run out.
                left = self.wlan.ifconfig()[0] != "0.0.0.0" and left - 1
