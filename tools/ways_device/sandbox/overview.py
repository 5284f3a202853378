"""The account in numbers. Days and months are those of UTC (the billing period is assumed)."""

import time
from collections.abc import Callable
from datetime import datetime, timezone

from ways_device.sandbox.alarms import Alarms
from ways_device.sandbox.db import Db
from ways_device.sandbox.traffic import Traffic
from ways_device.sandbox.wire import Json


class Overview:
    def __init__(
        self,
        db: Db,
        traffic: Traffic,
        alarms: Alarms,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._db = db
        self._traffic = traffic
        self._alarms = alarms
        self._clock = clock

    def usage(self) -> Json:
        """Return what was used today and this month.

        The keys from data_bytes_today on are ours: prose promises data volume and device
        activity, and names no field for them.
        """
        now = datetime.fromtimestamp(self._clock(), timezone.utc)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        today_s = midnight.timestamp()
        month_s = midnight.replace(day=1).timestamp()
        today, month = self._traffic.since(today_s), self._traffic.since(month_s)
        return {
            "messages_today": today.messages,
            "messages_this_month": month.messages,
            "data_points_today": today.data_points,
            "data_points_this_month": month.data_points,
            "data_bytes_today": today.payload_bytes,
            "data_bytes_this_month": month.payload_bytes,
            "active_devices_today": self._seen_since(today_s),
            "active_devices_this_month": self._seen_since(month_s),
        }

    def stats(self) -> Json:
        """active_alarms are the open ones, acknowledged or not; data_bytes_24h is ours."""
        last = self._traffic.last_24h()
        row = self._db.one("SELECT count(*), coalesce(sum(is_active), 0) FROM devices")
        total, active = row or (0, 0)
        online = "SELECT count(*) FROM sessions WHERE closed_at IS NULL"
        return {
            "total_devices": total,
            "active_devices": active,
            "connected_now": self._db.scalar(online),
            "messages_24h": last.messages,
            "data_points_24h": last.data_points,
            "active_alarms": self._alarms.summary()["active_total"],
            "data_bytes_24h": last.payload_bytes,
        }

    def _seen_since(self, begin: float) -> int:
        return int(self._db.scalar("SELECT count(*) FROM devices WHERE last_seen >= ?", begin))
