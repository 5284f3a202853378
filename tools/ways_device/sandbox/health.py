"""The health of a device, 0 to 100. The reference names the score and its parts; how they are
worked out is ours.

    score                   the mean of the four parts (the reference's sample is that of its own)
    uptime                  percent of the last 24 h, or since the first session, with one open
    alarm_burden            100 less 50 for each open critical alarm, 20 for a warning, 5 for info
    connection_stability    100 less 5 for each session that broke in the last 24 h
    telemetry_freshness     100 up to two reporting intervals after the last reading, 0 from ten on

healthy from 80 on, degraded from 50 on, else unhealthy; unhealthy at any score while a rule with
the action mark_unhealthy holds. Before its first session a device has no score and is unknown.
The reporting interval is that of the device's profile, a minute without one. Alarms burden until
they are resolved: an acknowledged one is still there.
"""

import time
from collections.abc import Callable

from ways_device.sandbox.db import Db
from ways_device.sandbox.devices import Devices
from ways_device.sandbox.presence import Presence
from ways_device.sandbox.wire import Json, iso

_DEFAULT_INTERVAL_S = 60
_FRESH_INTERVALS = 2
_STALE_INTERVALS = 10
_POINTS_PER_ALARM = {"critical": 50, "warning": 20, "info": 5}
_HEALTHY = 80
_DEGRADED = 50


class Health:
    def __init__(
        self,
        db: Db,
        devices: Devices,
        presence: Presence,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._db = db
        self._devices = devices
        self._presence = presence
        self._clock = clock

    def get(self, device_id: str) -> Json:
        """Return the score and its parts, null before the first session. Raises AbsentError."""
        self._devices.row(device_id)
        components = {
            "uptime": self._presence.uptime_pct(device_id),
            "alarm_burden": self._alarm_burden(device_id),
            "connection_stability": self._presence.stability_score(device_id),
            "telemetry_freshness": self._freshness(device_id),
        }
        values = [value for value in components.values() if value is not None]
        is_known = len(values) == len(components)
        score = round(sum(values) / len(values)) if is_known else None
        return {
            "device_id": device_id,
            "health_score": score,
            "health_status": "unhealthy" if self._is_marked(device_id) else _status(score),
            "components": components,
            "checked_at": iso(self._clock()),
        }

    def _alarm_burden(self, device_id: str) -> int:
        rows = self._db.all(
            "SELECT severity FROM alarms WHERE device_id = ? AND status <> 'resolved'", device_id
        )
        return max(0, 100 - sum(_POINTS_PER_ALARM[row["severity"]] for row in rows))

    def _freshness(self, device_id: str) -> int:
        row = self._db.one(
            "SELECT last_telemetry, reporting_interval_seconds FROM devices"
            " LEFT JOIN profiles ON profiles.id = devices.profile_id WHERE device_id = ?",
            device_id,
        )
        if row is None or row["last_telemetry"] is None:
            return 0
        interval_s: int = row["reporting_interval_seconds"] or _DEFAULT_INTERVAL_S
        age: float = (self._clock() - row["last_telemetry"]) / interval_s
        left = (_STALE_INTERVALS - age) / (_STALE_INTERVALS - _FRESH_INTERVALS)
        return round(100 * min(1.0, max(0.0, left)))

    def _is_marked(self, device_id: str) -> bool:
        """True while a rule with the action mark_unhealthy holds for the device."""
        sql = "SELECT 1 FROM rule_states WHERE device_id = ? AND is_unhealthy LIMIT 1"
        return self._db.one(sql, device_id) is not None


def _status(score: int | None) -> str:
    if score is None:
        return "unknown"
    return "healthy" if score >= _HEALTHY else "degraded" if score >= _DEGRADED else "unhealthy"
