"""A WLAN that misbehaves as the driver under the ESP32 port does, among access points of a script.

What firmware/joining.py says of that driver is what this does. Time is the clock's: what holds
the thread up on a chip (a scan, switching the radio on) moves it forward.
"""

from fakes.accesspoint import Ap  # noqa: F401 - who makes one needs the other

IDLE, CONNECTING, GOT_IP = 1000, 1001, 1010
_LEFT = 8  # WIFI_REASON_ASSOC_LEAVE
_STICKY = {201: 201, 202: 202, 205: 202, 210: 210, 211: 211, 212: 212, _LEFT: IDLE}
_NOWHERE = "0.0.0.0"
_LENT = ("10.0.0.2", "255.0.0.0", "10.0.0.1", "10.0.0.1")


class Wlan:
    def __init__(self, clock, *aps):
        self.clock = clock
        self.aps = list(aps)
        self.is_on = False
        self.complaints = []  # exceptions for the next calls of connect()
        self.faults = []  # what nobody may do
        self.radio_ms = []  # when the radio was switched off
        self.tried = []  # (ssid, bssid) of each connect()
        self.scans = 0
        self.scan_fails = None  # an exception, or [] for the silent kind
        self.active_ms = 0  # how long switching on holds the thread up
        self.settings = {"reconnects": -1}
        self.is_static = False
        self.address = (_NOWHERE,) * 4
        self._ap = None  # associated with
        self._wants = None  # (ssid, password, bssid) while connecting
        self._ends_ms = None  # when what it is doing ends
        self._does = None  # what that is
        self._is_requested = False
        self._is_connected = False
        self._reason = 0
        self._retries = 0

    # The driver's side of it.

    @property
    def next_ms(self):
        """When something changes by itself, None = never."""
        return self._ends_ms

    @property
    def ap(self):
        """The access point there is a link to, with an address."""
        self._advance()
        return self._ap if self._is_connected and self.address[0] != _NOWHERE else None

    def look(self):
        """Note which access points are still there."""
        self._advance()
        if self._ap and self._ap.state != "up":
            self._ended(200)

    def drop(self, reason=200):
        """Have the link lost for no reason that could be seen."""
        self._advance()
        if self._ap:
            self._ended(reason)

    def lose_address(self):
        """Have the lease run out: the driver goes on calling itself connected."""
        self._advance()
        if self._is_connected and not self.is_static:
            self.address = (_NOWHERE,) * 4

    def _advance(self):
        while self._ends_ms is not None and self.clock.now >= self._ends_ms:
            at_ms, self._ends_ms = self._ends_ms, None
            self._does(at_ms)

    def _begin(self, at_ms, takes_ms, does):
        self._ends_ms, self._does = at_ms + takes_ms, does

    def _found(self):
        """Return the access point that connect() means, or why there is none, and after what."""
        ssid, password, bssid = self._wants
        there = [
            ap
            for ap in sorted(self.aps, key=lambda one: one.channel)
            if ap.ssid == ssid and ap.state != "down" and bssid in (None, ap.bssid)
        ]
        if not there:
            return 201, 3000
        ap = there[0]
        if bool(ap.password) != bool(password):
            return 211, 1500
        if ap.state != "up":
            return ap.state, 1200
        return (ap, 700) if ap.password == password else (15, 3500)

    def _search(self, at_ms):
        found, takes_ms = self._found()
        if isinstance(found, int):
            self._begin(at_ms, takes_ms, lambda _at_ms: self._ended(found))
        else:
            self._begin(at_ms, takes_ms, lambda then_ms: self._associated(found, then_ms))

    def _associated(self, ap, at_ms):
        if ap.state != "up":
            self._ended(203)
            return
        self._ap = ap
        if self.is_static:
            self._got_ip(at_ms)
        elif ap.has_dhcp:
            self._begin(at_ms, 900, self._got_ip)

    def _got_ip(self, _at_ms):
        if not self.is_static:
            self.address = _LENT
        self._is_connected, self._reason = True, 0

    def _ended(self, reason):
        """Do what the event handler does when a link or an attempt ends."""
        at_ms = self.clock.now
        self._ap, self._ends_ms, self._is_connected = None, None, False
        if not self.is_static:
            self.address = (_NOWHERE,) * 4
        self._reason = reason
        if not self._is_requested:
            self._wants = None
            return
        self._retries += 1
        if self.settings["reconnects"] < 0 or self._retries <= self.settings["reconnects"]:
            self._search(at_ms)
        else:
            self._wants = None

    @property
    def _is_connecting(self):
        return self._wants is not None and not self._ap

    # What MicroPython has.

    def active(self, on=None):
        self._advance()
        if on is None:
            return self.is_on
        if on and not self.is_on:
            self.clock.now += self.active_ms
            self._retries = 0
        if self.is_on and not on:
            self.radio_ms.append(self.clock.now)
            self._is_requested = False
            if self._wants:
                self._ended(_LEFT)
        self.is_on = bool(on)
        return self.is_on

    def config(self, name=None, **settings):
        self._advance()
        if name is not None:
            return self.settings[name]
        for key in settings:
            if key not in ("reconnects", "pm"):
                raise ValueError("unknown config param")
        self.settings.update(settings)
        if self._is_connecting:
            raise OSError("Wifi Internal State Error")
        return None

    def connect(self, ssid, key, *, bssid=None):
        self._advance()
        if not self.is_on:
            raise OSError("Wifi Not Started")
        if self.complaints:
            raise self.complaints.pop(0)
        if self._wants:
            self.faults.append("connect() while it is %s" % ("joined" if self._ap else "busy"))
            raise OSError("Wifi Internal Error")
        self.tried.append((ssid, bssid))
        self.settings["ssid"] = ssid
        self._wants = (ssid, key, bssid)
        self._is_requested, self._retries = True, 0
        self._search(self.clock.now)

    def disconnect(self):
        self._advance()
        if not self.is_on:
            raise OSError("Wifi Not Started")
        self._is_requested = False
        if self._wants:
            self._begin(self.clock.now, 150, lambda _at_ms: self._ended(_LEFT))

    def isconnected(self):
        self._advance()
        return self._is_connected

    def status(self, what=None):
        self._advance()
        if what is not None:
            if not self._ap:
                raise OSError("Wifi Not Connected")
            return self._ap.rssi
        if self._is_connected:
            return GOT_IP
        # Whatever it does now, this is told first.
        if self._reason in _STICKY:
            return _STICKY[self._reason]
        most = self.settings["reconnects"]
        if self._is_requested and (most < 0 or self._retries <= most):
            return CONNECTING
        return self._reason or IDLE

    def scan(self):
        self._advance()
        if not self.is_on:
            raise OSError("STA must be active")
        self.scans += 1
        self.clock.now += 2000
        if isinstance(self.scan_fails, Exception):
            raise self.scan_fails
        if self._is_connecting or self.scan_fails is not None:
            return []
        return [
            (
                b"" if ap.is_hidden else ap.ssid.encode(),
                ap.bssid,
                ap.channel,
                ap.rssi,
                3 if ap.password else 0,
                False,
            )
            for ap in self.aps
            if ap.state != "down"
        ]

    def ifconfig(self, wanted=None):
        self._advance()
        if wanted is None:
            return self.address
        self.is_static, self.address = True, tuple(wanted)
        return None

    def ipconfig(self, *, dhcp4):
        self._advance()
        if dhcp4 and self.is_static:
            self.is_static, self.address = False, (_NOWHERE,) * 4
