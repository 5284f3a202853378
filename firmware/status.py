"""What the device says about itself: the retained status and attributes documents, the will."""

import gc
import json

from micropython import const

from firmware import unload

# Quiet is fine: the platform is told every quarter of an hour, and when something moves.
_EVERY_MS = const(15 * 60 * 1000)
_LEAST_MS = const(60 * 1000)
_BATTERY_STEP_PCT = const(5)
_RSSI_STEP_DB = const(10)

WILL = b'{"status": "offline"}'


class Status:
    more = {}  # what a sleeper adds to the attributes

    def __init__(self, clock, level_pct, rssi_dbm, about):
        """level_pct() returns the battery's charge; level_pct is None where there is none.

        rssi_dbm() returns None where there is no radio; about is the board, the datapoints, and
        why the agent was started.
        """
        self.clock = clock
        self.level_pct = level_pct
        self.rssi_dbm = rssi_dbm
        self.about = about
        self._sent_ticks = None
        self._sent = (None, None)

    def is_due(self):
        """Tell whether the platform's picture of this device is out of date."""
        if self._sent_ticks is None:
            return True
        age_ms = self.clock.ticks_diff(self.clock.ticks_ms(), self._sent_ticks)
        if age_ms < _LEAST_MS:
            return False
        return age_ms >= _EVERY_MS or self._moved()

    def forget(self):
        """Have the next is_due() say yes: a new session begins, and tells all."""
        self._sent_ticks = None

    def document(self):
        """Return the status as JSON bytes and take it as told."""
        self._sent_ticks = self.clock.ticks_ms()
        battery_pct, rssi_dbm = self._sent = self._measure()
        gc.collect()
        fields = {
            "status": "online",
            "uptime": self.clock.uptime_ms() // 1000,
            "memory_free": gc.mem_free(),
        }
        if battery_pct is not None:
            fields["battery_level"] = battery_pct
        if rssi_dbm is not None:
            fields["signal_strength"] = rssi_dbm
        if self.clock.known:
            fields["timestamp"] = self.clock.now_s()
        return json.dumps(fields).encode()

    def attributes(self):
        """Return the attributes as JSON bytes, see about.py."""
        from firmware import about

        board, points, cause = self.about
        try:
            return about.attributes(board, points, cause, self.more)
        finally:
            unload("about")

    def _measure(self):
        return self.level_pct and self.level_pct(), self.rssi_dbm()

    def _moved(self):
        for value, sent, step in zip(
            self._measure(), self._sent, (_BATTERY_STEP_PCT, _RSSI_STEP_DB)
        ):
            if (value is None) != (sent is None):
                return True
            if value is not None and abs(value - sent) >= step:
                return True
        return False
