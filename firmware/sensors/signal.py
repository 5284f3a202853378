"""The strength of the Wi-Fi signal, smoothed: a jump is followed by a quarter each time.

Options: key ("signal_strength").
"""

from firmware.errors import SensorError
from firmware.reading import Datapoint


class Signal:
    def __init__(self, wlan, point):
        self.points = (point,)
        self.wlan = wlan
        # In sixteenths of a dB: in whole ones a quarter of three would be lost. None = begins.
        self.smooth_16 = None

    async def read_into(self, reading):
        rssi_dbm = None
        if self.wlan.isconnected():
            try:
                rssi_dbm = self.wlan.status("rssi")
            except OSError:  # the driver's: the link has just gone
                pass
        if rssi_dbm is None:
            # What comes next may be another access point.
            self.smooth_16 = None
            raise SensorError("not joined")
        if self.smooth_16 is None:
            self.smooth_16 = rssi_dbm * 16
        self.smooth_16 += (rssi_dbm * 16 - self.smooth_16) // 4
        reading.set(self.points[0].key, (self.smooth_16 + 8) // 16)


def open(board, options):
    return Signal(board.wlan, Datapoint(options.pop("key", "signal_strength"), "dBm"))
