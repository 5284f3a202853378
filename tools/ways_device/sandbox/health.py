"""The health of a device, 0 to 100, as the mean of four parts (the weights are assumed).

No rules run yet, so no alarm can burden a device: alarm_burden is 100.
"""

import time
from collections.abc import Callable

from ways_device.sandbox.db import Db
from ways_device.sandbox.devices import Devices
from ways_device.sandbox.presence import Presence
from ways_device.sandbox.wire import Json, iso

_DEFAULT_INTERVAL_S = 60
# Telemetry is fresh up to two intervals, and worth nothing after ten.
_FRESH_INTERVALS = 2
_STALE_INTERVALS = 10
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
            "alarm_burden": 100,
            "connection_stability": self._presence.stability_score(device_id),
            "telemetry_freshness": self._freshness(device_id),
        }
        values = [value for value in components.values() if value is not None]
        is_known = len(values) == len(components)
        score = round(sum(values) / len(values)) if is_known else None
        return {
            "device_id": device_id,
            "health_score": score,
            "health_status": _status(score),
            "components": components,
            "checked_at": iso(self._clock()),
        }

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


def _status(score: int | None) -> str:
    if score is None:
        return "unknown"
    return "healthy" if score >= _HEALTHY else "degraded" if score >= _DEGRADED else "unhealthy"
