"""The ESP32: everything the agent asks of the chip, and the only importer of its modules.

The same interface on Linux is board_unix.py. Nothing here decides anything: what to do with
an answer is the business of the module that asked.
"""

import os

import esp32
import machine
import network
from micropython import const

_TOO_LONG = const(-4364)  # ESP_ERR_NVS_INVALID_LENGTH
_CAUSES = {
    machine.PWRON_RESET: "power",
    machine.HARD_RESET: "hard",
    machine.WDT_RESET: "watchdog",
    machine.DEEPSLEEP_RESET: "sleep",
    machine.SOFT_RESET: "soft",
}


class Nvs:
    """Small values that survive everything but a full erase. Every set is committed at once.

    Keys are at most 15 characters (an ESP-IDF rule).
    """

    def __init__(self, namespace):
        self._nvs = esp32.NVS(namespace)

    def get_i32(self, key):
        """Return the integer, or None if there is none."""
        try:
            return self._nvs.get_i32(key)
        except OSError:
            return None

    def set_i32(self, key, value):
        self._nvs.set_i32(key, value)
        self._nvs.commit()

    def get_blob_into(self, key, buf):
        """Copy the value into buf; return its length, 0 if there is none, -1 if it is longer."""
        try:
            return self._nvs.get_blob(key, buf)
        except OSError as exc:
            return -1 if exc.errno == _TOO_LONG else 0

    def set_blob(self, key, value):
        self._nvs.set_blob(key, value)
        self._nvs.commit()


class Board:
    model = os.uname().machine
    root = "/"  # config.json, the identity files and data/ lie here
    has_own_time = False  # somebody has to tell it the time

    def __init__(self):
        self.nvs = Nvs("ways")
        self.wlan = network.WLAN(network.WLAN.IF_STA)
        self.country = network.country
        self.hostname = network.hostname
        self.reset = machine.reset
        self.deepsleep = machine.deepsleep
        self.unique_id = machine.unique_id
        self.pin = machine.Pin
        self._rtc = machine.RTC()

    def reset_cause(self):
        """Return why the chip started: power, hard, watchdog, sleep, soft or unknown."""
        return _CAUSES.get(machine.reset_cause(), "unknown")

    def watchdog(self, limit_ms):
        """Have the chip reset unless the function that this returns is called so often.

        Called again it sets another limit; nothing but a reset of the hardware ends it.
        """
        return machine.WDT(timeout=limit_ms).feed

    def set_rtc(self, when):
        """Set the chip's clock to (year, month, day, weekday, hour, minute, second, 0) in UTC."""
        self._rtc.datetime(when)

    def rtc_memory(self):
        """Return the bytes that survive a reset but not a power cut."""
        return self._rtc.memory()

    def set_rtc_memory(self, data):
        self._rtc.memory(data)

    def adc_mv(self, pin):
        """Return the voltage at an ADC pin in mV, with the factory calibration applied."""
        return machine.ADC(machine.Pin(pin), atten=machine.ADC.ATTN_11DB).read_uv() // 1000

    def i2c(self, scl, sda):
        """Return the I2C bus at these pins, the same one to all who ask (see i2c.py)."""
        from firmware import i2c

        return i2c.shared(machine, scl, sda)

    def chip_temperature_c(self):
        """Return the temperature of the die in degC, far above the air around it."""
        try:
            return esp32.mcu_temperature()  # pyright: ignore[reportAttributeAccessIssue]
        except AttributeError:  # the first ESP32 has an older sensor that tells degF
            return (esp32.raw_temperature() - 32) / 1.8
