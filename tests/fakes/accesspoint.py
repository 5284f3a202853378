"""The access points that a scripted WLAN has around it."""


class Ap:
    """An access point. state is "up", "down", or the reason that joining it fails with."""

    def __init__(self, ssid, password="password", bssid=b"\2\0\0\0\0\1", rssi=-61, channel=6):
        self.ssid = ssid
        self.password = password
        self.bssid = bssid
        self.rssi = rssi
        self.channel = channel
        self.state = "up"
        self.is_hidden = False
        self.has_dhcp = True
        self.leads_somewhere = True
