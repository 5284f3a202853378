"""A WLAN that does what its script says, and complains as the chip's driver does."""


class Wlan:
    def __init__(self, networks):
        """networks maps ssid to the password, or to the status number joining it ends in."""
        self.networks = networks
        self.is_on = self.is_connecting = self.is_joined = False
        self.outcome = 1001
        self.reconnects = -1
        self.tried = []

    def config(self, reconnects):
        self.reconnects = reconnects

    def active(self, on):
        self.is_on = on

    def connect(self, ssid, password):
        if not self.is_on:
            raise OSError("Wifi Not Started")
        if self.is_connecting:
            raise OSError("Wifi Internal Error")
        self.tried.append(ssid)
        self.is_connecting = True
        known = self.networks.get(ssid, 201)
        self.outcome = known if isinstance(known, int) else 1010 if known == password else 202

    def disconnect(self):
        self.is_connecting = self.is_joined = False

    def isconnected(self):
        if self.is_connecting and self.outcome == 1010:
            self.is_connecting, self.is_joined = False, True
        return self.is_joined

    def status(self, what=None):
        if what == "rssi":
            return -61
        # While it is going to try again, "connecting" is all that the driver tells.
        return self.outcome if self.reconnects == 0 else 1001

    def ifconfig(self):
        return ("10.0.0.2", "255.0.0.0", "10.0.0.1", "10.0.0.1")
