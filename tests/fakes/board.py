"""A board in memory, with the interface of firmware/board.py: what it holds survives its Board."""

import time


class Nvs:
    def __init__(self):
        self.values = {}

    def get_i32(self, key):
        return self.values.get(key)

    def set_i32(self, key, value):
        if not -(1 << 31) <= value < 1 << 31:
            raise OverflowError("overflow converting long int to machine word")
        self.values[key] = value

    def get_blob_into(self, key, buf):
        data = self.values.get(key, b"")
        if len(data) > len(buf):
            return -1
        buf[: len(data)] = data
        return len(data)

    def set_blob(self, key, value):
        self.values[key] = bytes(value)


class FakeBoard:
    model = "fake"
    root = "/nowhere/"
    has_own_time = False

    def __init__(self, root=None):
        self.root = root or self.root
        self.nvs = Nvs()
        self.memory = b""
        self.rtc_set = []
        self.voltages_mv = {}

    def power_cut(self):
        self.memory = b""

    def rtc_memory(self):
        return self.memory

    def set_rtc_memory(self, data):
        self.memory = bytes(data)

    def reset_cause(self):
        return "hard"

    def watchdog(self, limit_ms):
        """Return what feeds it; fed_ms and limit_ms tell when that was, and what it allows."""
        self.limit_ms = limit_ms
        return self._feed

    def _feed(self):
        self.fed_ms = time.ticks_ms()

    def set_rtc(self, when):
        self.rtc_set.append(when)

    def adc_mv(self, pin):
        if pin not in self.voltages_mv:
            raise OSError(19)
        return self.voltages_mv[pin]

    def chip_temperature_c(self):
        return 53.3


def rtc_epoch_s(when):
    """Return the Unix time of what set_rtc() got, on a port whose epoch is 1970."""
    year, month, day, weekday, hour, minute, second, _ = when
    # 28 years earlier the days fall alike, and no 32-bit port runs out of seconds.
    cycles = 1 if year > 2037 else 0
    moment = (year - 28 * cycles, month, day, hour, minute, second, weekday, 0, 0)
    return int(time.mktime(moment)) + cycles * 28 * 1461 * 21600
