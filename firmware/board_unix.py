"""Linux: the interface of board.py for the unix port, on a folder instead of a chip."""

import os
import struct
import sys

from firmware.files import make_folder, replace


class Nvs:
    """One file per key below a folder, replaced atomically."""

    def __init__(self, folder):
        self._folder = folder
        make_folder(folder)

    def get_i32(self, key):
        buf = bytearray(4)
        if self.get_blob_into(key, buf) != 4:
            return None
        return struct.unpack("<i", buf)[0]

    def set_i32(self, key, value):
        self.set_blob(key, struct.pack("<i", value))

    def get_blob_into(self, key, buf):
        """Copy the value into buf; return its length, 0 if there is none, -1 if it is longer."""
        try:
            with open(self._path(key), "rb") as file:
                data = file.read()
        except OSError:
            return 0
        if len(data) > len(buf):
            return -1
        buf[: len(data)] = data
        return len(data)

    def set_blob(self, key, value):
        replace(self._path(key), value)

    def _path(self, key):
        return self._folder + "/" + key


class Board:
    has_own_time = True

    def __init__(self, root):
        """root is a folder; its identity, NVS and log belong to this device alone."""
        self.root = root.rstrip("/") + "/"
        make_folder(self.root.rstrip("/"))
        self.model = sys.implementation._machine
        self.nvs = Nvs(self.root + "nvs")
        self.wlan = self
        self._rtc_memory = b""  # a process start is a power-on: nothing is retained

    def reset(self):
        """End the process with an error; what restarts it is the service manager's business."""
        sys.exit(1)

    def unique_id(self):
        """Return six bytes, drawn once per folder."""
        value = bytearray(6)
        if self.nvs.get_blob_into("unique_id", value) != 6:
            value = b"\x02" + os.urandom(5)
            self.nvs.set_blob("unique_id", value)
        return bytes(value)

    def reset_cause(self):
        return "power"

    def watchdog(self, _limit_ms):
        """Return what feeds it, which does nothing: there is none."""
        return self.status

    def deepsleep(self, _ms):
        """End the process: a machine does not sleep for one of its programs."""
        sys.exit(1)

    def set_rtc(self, when):
        """Leave the machine's clock alone: it has an owner."""

    def rtc_memory(self):
        return self._rtc_memory

    def set_rtc_memory(self, data):
        self._rtc_memory = bytes(data)

    def adc_mv(self, *_pins):
        raise OSError(19)

    i2c = adc_mv

    @property
    def pin(self):
        from firmware.pin_unix import Pin

        return Pin

    # As a station: a machine manages its network itself. It is always joined, without a radio.

    def isconnected(self, _on=None):
        return True

    active = isconnected

    def status(self, _what=None, **_settings):
        return None

    config = country = hostname = status

    def ifconfig(self):
        return ("", "", "", _nameserver())

    def chip_temperature_c(self):
        """Return the temperature of the first thermal zone in degC."""
        with open("/sys/class/thermal/thermal_zone0/temp") as file:
            return int(file.read()) / 1000


def _nameserver():
    try:
        with open("/etc/resolv.conf") as file:
            for line in file:
                words = line.split()
                if len(words) > 1 and words[0] == "nameserver" and ":" not in words[1]:
                    return words[1]
    except OSError:
        pass
    return "127.0.0.1"
