"""The ESP32 port's module network over the virtual board's radio."""

from _chip import params, radio

STA_IF, AP_IF = 0, 1
STAT_IDLE, STAT_CONNECTING, STAT_GOT_IP = radio.IDLE, radio.CONNECTING, radio.GOT_IP
STAT_BEACON_TIMEOUT = radio.BEACON_TIMEOUT
STAT_NO_AP_FOUND, STAT_WRONG_PASSWORD = 201, 202
STAT_ASSOC_FAIL, STAT_HANDSHAKE_TIMEOUT = 203, 204
MODE_11B, MODE_11G, MODE_11N = 1, 2, 4
AUTH_OPEN, AUTH_WEP, AUTH_WPA_PSK, AUTH_WPA2_PSK, AUTH_WPA_WPA2_PSK = 0, 1, 2, 3, 4

_MASK = "255.255.255.0"
_NO_ADDRESS = "0.0.0.0"
_ADDRESS = "127.0.0.1"
_SETTINGS = {
    "channel": 6,
    "dhcp_hostname": "mpy-esp32",
    "hidden": False,
    "pm": 1,
    "protocol": 7,
    "txpower": 20.0,
}
_host = "mpy-esp32"
_country = "XX"


def hostname(name=None):
    global _host
    if name is not None:
        _host = name
    return _host


def country(code=None):
    global _country
    if code is not None:
        _country = code
    return _country


class WLAN:
    """The station interface works; the access point can be switched on and off, no more."""

    IF_STA, IF_AP = STA_IF, AP_IF
    PM_NONE, PM_PERFORMANCE, PM_POWERSAVE = 0, 1, 2
    SEC_OPEN, SEC_WEP, SEC_WPA, SEC_WPA2, SEC_WPA_WPA2 = 0, 1, 2, 3, 4
    _access_point_active = False

    def __init__(self, interface=STA_IF):
        if interface not in (STA_IF, AP_IF):
            raise ValueError("invalid WLAN interface identifier")
        self._is_station = interface == STA_IF

    def _require_station(self):
        if not self._is_station:
            raise OSError("STA required")

    def active(self, on=None):
        if not self._is_station:
            if on is not None:
                WLAN._access_point_active = bool(on)
            return WLAN._access_point_active
        if on is not None:
            radio.set_active(on)
        return radio.is_active()

    def connect(self, ssid=None, key=None, *, bssid=None):
        self._require_station()
        radio.connect(ssid, key)

    def disconnect(self):
        self._require_station()
        radio.disconnect()

    def isconnected(self):
        return self._is_station and radio.is_up()

    def status(self, what=None):
        if what is None:
            return radio.status() if self._is_station else None
        self._require_station()
        if what != "rssi":
            raise ValueError("unknown status param")
        if not radio.is_up():
            raise OSError("WiFi not connected")
        return radio.rssi_dbm()

    def ifconfig(self, config=None):
        if config is not None:
            return None
        if not self.isconnected():
            return (_NO_ADDRESS, _NO_ADDRESS, _NO_ADDRESS, _NO_ADDRESS)
        return (_ADDRESS, _MASK, _ADDRESS, params.dns)

    def ipconfig(self, what=None, *, dhcp4=None):
        if what is None:  # DHCP is there or not: the address is the machine's own either way
            return None
        address, mask, gateway, _ = self.ifconfig()
        answers = {"addr4": (address, mask), "gw4": gateway, "dhcp4": True, "has_dhcp4": True}
        if what not in answers:
            raise ValueError("unexpected key")
        return answers[what]

    def scan(self):
        if not radio.is_active():
            raise OSError("STA must be active")
        found = radio.networks()
        return [(name.encode(), params.unique_id, 6, rssi, 3, False) for name, rssi in found]

    def config(self, what=None, **settings):
        if what is not None and settings:
            raise TypeError("either pos or kw args are allowed")
        if what is not None:
            return self._setting(what)
        for name, value in settings.items():
            if name == "reconnects":
                self._require_station()
                radio.set_reconnects(value)
            elif name in _SETTINGS:
                radio.config()[name] = value
            elif name != "mac":
                raise ValueError("unknown config param")
        radio.save()
        return None

    def _setting(self, name):
        if name == "mac":
            return params.unique_id
        if name in ("ssid", "essid"):
            return radio.ssid()
        if name == "reconnects":
            self._require_station()
            return radio.reconnects()
        if name not in _SETTINGS:
            raise ValueError("unknown config param")
        return radio.config().get(name, _SETTINGS[name])
