"""Humidity and temperature sensors. The air of the virtual board stands still, nearly."""

import time

_STEP_MS = 5000
_WANDER = (0, 1, 3, 4, 3, 1, 0, -1, -3, -4, -3, -1)


class DHTBase:
    def __init__(self, pin):
        self._pin = pin
        self._deci_c = self._deci_pct = 0

    def measure(self):
        wander = _WANDER[time.ticks_ms() // _STEP_MS % len(_WANDER)]
        self._deci_c = 215 + wander
        self._deci_pct = 402 - wander


class DHT11(DHTBase):
    def humidity(self):
        return self._deci_pct // 10

    def temperature(self):
        return self._deci_c // 10


class DHT22(DHTBase):
    def humidity(self):
        return self._deci_pct / 10

    def temperature(self):
        return self._deci_c / 10
