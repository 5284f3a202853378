"""One schedule of troubles: the clock and the WLAN of an agent, and what happens around it."""

import random

import firmware.wifi
from fakes.log import Lines
from fakes.wlan import Ap, Wlan
from firmware.backoff import Backoff

_PERIOD = 1 << 30
_RETRY_MAX_MS = 300_000
_TROUBLE_MS = 600_000
_RADIO_MS = 300_000
# A round: all access points that are tried in it, a scan, and what the driver needs in between.
_EACH_MS = 15_700
_ROUND_MS = 6_000
# A link over which no session comes is left after ten minutes.
_USELESS_MS = 603_000
# Nothing may happen any more in this time, once all is well.
_CALM_MS = 120_000
_REFUSALS = (2, 15, 39, 202, 203, 204, 205)
_COMPLAINTS = (OSError("Wifi Internal Error"), RuntimeError("Wifi Unknown Error 0x0101"))


class DoneError(Exception):
    """The time of a schedule is over. Not one that the agent takes for the driver's."""


class InUse:
    """As the session's Event: set while the link leads somewhere."""

    def __init__(self, wlan):
        self.wlan = wlan

    def is_set(self):
        ap = self.wlan.ap
        return ap is not None and ap.leads_somewhere


class World:
    """The clock of the agent, and what happens while it sleeps."""

    def __init__(self, number, seed):
        self.rng = random
        random.seed(seed * 1_000_003 + number)
        self.now = 0
        self.start_ms = random.randrange(_PERIOD)
        self.lines = Lines()
        self.faults = []
        self.plant = None
        passwords = ["secret-%d" % n for n in range(3)]
        self.entries = [
            {"ssid": "net%d" % n, "password": passwords[n], "priority": random.randrange(3)}
            for n in range(random.randrange(1, 4))
        ]
        aps = []
        for n in range(random.randrange(1, 5)):
            entry = random.choice(self.entries)
            ap = Ap(
                entry["ssid"],
                entry["password"],
                bytes([2, 0, 0, 0, 0, n]),
                -40 - random.randrange(50),
                1 + random.randrange(13),
            )
            ap.is_hidden = not random.randrange(8)
            aps.append(ap)
        self.wlan = Wlan(self, *aps)
        self.heals_ms = random.randrange(1000, _TROUBLE_MS)
        self.events = sorted(random.randrange(self.heals_ms) for _ in range(random.randrange(20)))
        self.ends_ms = None
        self.good_since_ms = None
        self.wifi = self.task = None
        self.wants_reset = False

    # What a clock has.

    def ticks_ms(self):
        return (self.start_ms + self.now) % _PERIOD

    def ticks_diff(self, end, start):
        return (end - start + _PERIOD // 2) % _PERIOD - _PERIOD // 2

    def uptime_ms(self):
        return self.now

    def alive(self, name, within_ms):
        pass

    async def sleep_ms(self, ms):
        until_ms = self.now + ms
        if ms == 100 or (ms == 500 and self.wifi.in_use.is_set()):
            until_ms += (self._next_ms() - until_ms) // ms * ms if ms == 500 else 0
            if ms == 100:  # an attempt has a limit that only the agent knows
                until_ms += max(0, min(1000, self._next_ms() - until_ms)) // ms * ms
        self._pass(max(until_ms, self.now + ms))

    def _next_ms(self):
        moments = [self.ends_ms or self.heals_ms]
        moments += self.events[:1]
        if self.wlan.next_ms is not None:
            moments.append(self.wlan.next_ms)
        return min(moments)

    def _pass(self, until_ms):
        while self.events and self.events[0] <= until_ms:
            self.now = max(self.now, self.events.pop(0))
            self._trouble()
        if self.ends_ms is None and until_ms >= self.heals_ms:
            self.now = max(self.now, self.heals_ms)
            self._heal()
        self.now = max(self.now, until_ms)
        self._judge()
        if self.plant == "radio":
            self.wifi.radio_ms = None
        if self.wants_reset:
            self.wants_reset = False
            raise DoneError

    # What happens.

    def _trouble(self):
        rng, wlan = self.rng, self.wlan
        ap = rng.choice(wlan.aps)
        troubles = (
            lambda: setattr(ap, "state", "down"),
            lambda: setattr(ap, "state", "up"),
            lambda: setattr(ap, "state", rng.choice(_REFUSALS)),
            lambda: setattr(ap, "password", rng.choice(("another-password", "secret-0", ""))),
            lambda: setattr(ap, "has_dhcp", not ap.has_dhcp),
            lambda: setattr(ap, "leads_somewhere", not rng.randrange(3)),
            lambda: setattr(ap, "is_hidden", not ap.is_hidden),
            lambda: wlan.drop(rng.choice(_REFUSALS)),
            wlan.lose_address,
            lambda: wlan.complaints.append(rng.choice(_COMPLAINTS)),
            lambda: setattr(wlan, "scan_fails", rng.choice((None, []) + _COMPLAINTS)),
            lambda: setattr(wlan, "active_ms", rng.randrange(3000)),
            lambda: setattr(self, "wants_reset", True),
        )
        rng.choice(troubles)()
        wlan.look()

    def _heal(self):
        wlan = self.wlan
        wlan.complaints.clear()
        wlan.scan_fails = None
        good = self.rng.choice(wlan.aps)
        for entry in self.entries:
            if entry["ssid"] == good.ssid:
                good.password = entry["password"]
        good.state, good.has_dhcp, good.leads_somewhere, good.is_hidden = "up", True, True, False
        wlan.look()
        dead_ends = len([ap for ap in wlan.aps if not ap.leads_somewhere])
        round_ms = _ROUND_MS + _EACH_MS * (len(wlan.aps) + len(self.entries))
        wait_ms = round_ms + _RETRY_MAX_MS + round_ms
        # One of them may be tried twice, for there was another order before.
        dead_ends += 1 if dead_ends else 0
        self.ends_ms = self.now + wait_ms + dead_ends * (_USELESS_MS + wait_ms)

    def _judge(self):
        is_good = self.wifi.up.is_set() and self.wifi.in_use.is_set()
        if not is_good:
            self.good_since_ms = None
        elif self.good_since_ms is None:
            self.good_since_ms = self.now
        if self.ends_ms is None:
            return
        if is_good and self.now >= max(self.good_since_ms, self.heals_ms) + _CALM_MS:
            self.task = None
            raise DoneError
        if not is_good and self.now > self.ends_ms:
            self.faults.append("not connected %d s after all was well" % (_of(self) // 1000))
            self.task = None
            raise DoneError

    # The agent.

    def play(self):
        """Let it happen; return what was wrong."""
        while not self.faults:
            self._start()
            switched = len(self.wlan.radio_ms)
            try:
                self.task.send(None)
                self.faults.append("run() waits for something else than time")
            except DoneError:
                pass
            except Exception as exc:
                self.faults.append("run() ended: %r" % exc)
            self._check_radio(switched)
            if self.task is None:
                break
            self.task.close()
        self.faults += self.wlan.faults[:1]
        if [line for line in self.lines if "secret-" in line or "another-password" in line]:
            self.faults.append("a password in the log")
        return self.faults

    def _start(self):
        backoff = Backoff(500, _RETRY_MAX_MS, self.rng.randrange)
        log = self.lines.log("wifi")
        networks = [dict(entry) for entry in self.entries]
        made = Stuck if self.plant == "stuck" else firmware.wifi.Wifi
        self.wifi = made(self.wlan, networks, self, log, backoff)
        self.wifi.in_use = InUse(self.wlan)
        self.wlan.settings["reconnects"] = self.rng.choice((-1, 0))
        if self.plant == "busy":
            self.wlan.disconnect = lambda: None
        self.task = self.wifi.run()

    def _check_radio(self, first):
        moments = self.wlan.radio_ms[first:]
        for last, now in zip(moments, moments[1:]):
            if now - last < _RADIO_MS:
                self.faults.append(
                    "the radio reset %d s after the last time" % ((now - last) // 1000)
                )


class Stuck(firmware.wifi.Wifi):
    """One that does not look whether the link is still there."""

    async def _watch(self):
        while True:
            await self.clock.sleep_ms(60_000)


def _of(world):
    return world.now - world.heals_ms
