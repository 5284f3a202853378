"""Decides who is told of what: alarm changes through policies, webhooks of rules.

Cooldown of a policy: it tells of the same kind of event of the same rule and device at most once
per cooldown. acknowledged and resolved of an alarm whose triggering it told pass in any case, so
that nobody is left with an alarm that seems open. Reopened counts as triggered.
"""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from ways_device.sandbox import channel_config, wire
from ways_device.sandbox.alarms import Change
from ways_device.sandbox.db import Db
from ways_device.sandbox.policies import Policies
from ways_device.sandbox.rules import Rule
from ways_device.sandbox.wire import Json, iso

# What a receiver that is down for long can pile up, all channels together.
PENDING_MAX = 10_000
_FULL = "too many notifications were waiting already"


@dataclass(frozen=True)
class _Target:
    """One channel, or the URL that a rule brings along."""

    channel_type: str
    channel_id: str | None = None
    url: str | None = None


class Notifier:
    """Puts messages into the table of notifications; sender.py brings them out."""

    def __init__(self, db: Db, policies: Policies, clock: Callable[[], float] = time.time) -> None:
        self._db = db
        self._policies = policies
        self._clock = clock

    def on_change(self, change: Change) -> None:
        """Queue a message for each channel of each policy that the change matches."""
        kind = "triggered" if change.event_type == "reopened" else change.event_type
        for policy in self._policies.matching(kind, change.alarm):
            if self._is_swallowed(policy, kind, change):
                continue
            document = {
                "event_type": change.event_type,
                "occurred_at": iso(change.occurred_at),
                "policy": {"id": policy["id"], "name": policy["name"]},
                "alarm": change.alarm,
            }
            origin = {
                "policy_id": policy["id"],
                "alarm_id": change.alarm["id"],
                "rule_id": change.alarm["rule_id"],
                "device_id": change.alarm["device_id"],
                "kind": kind,
            }
            for target in self._enabled(policy["channel_ids"]):
                self._queue(target, document, origin)

    def on_webhook(self, rule: Rule, device_id: str, document: Json) -> None:
        """Queue what a rule with the action send_webhook tells.

        It goes to the rule's own webhook_url if its config has one, else to all enabled channels
        of type webhook.
        """
        url = rule.config.get("webhook_url")
        targets = (
            [_Target("webhook", url=str(url))] if url else self._enabled(None, only="webhook")
        )
        told = {
            "event_type": "rule_triggered",
            "occurred_at": iso(self._clock()),
            "rule": document,
        }
        alarm_id = document.get("alarm_id")
        origin = {"alarm_id": alarm_id, "rule_id": rule.id, "device_id": device_id, "kind": "rule"}
        for target in targets:
            self._queue(target, told, origin)

    def _is_swallowed(self, policy: Json, kind: str, change: Change) -> bool:
        alarm = change.alarm
        if kind != "triggered" and self._db.one(
            "SELECT 1 FROM notifications"
            " WHERE policy_id = ? AND alarm_id = ? AND kind = 'triggered'",
            policy["id"],
            alarm["id"],
        ):
            return False
        last = self._db.scalar(
            "SELECT max(created_at) FROM notifications WHERE policy_id = ? AND kind = ?"
            " AND device_id = ? AND rule_id IS ?",
            policy["id"],
            kind,
            alarm["device_id"],
            alarm["rule_id"],
        )
        return last is not None and 0 <= self._clock() - last < policy["cooldown_seconds"]

    def _enabled(self, channel_ids: list[str] | None, only: str | None = None) -> list[_Target]:
        rows = self._db.all(
            "SELECT id, channel_type FROM channels WHERE is_enabled"
            " AND (?1 IS NULL OR id IN (SELECT value FROM json_each(?1)))"
            " AND (?2 IS NULL OR channel_type = ?2) ORDER BY rowid",
            None if channel_ids is None else wire.dump(channel_ids),
            only,
        )
        return [_Target(row["channel_type"], channel_id=row["id"]) for row in rows]

    def _queue(self, target: _Target, document: Json, origin: Json) -> None:
        notification_id, now = str(uuid.uuid4()), self._clock()
        error = self._refusal(target)
        row = {
            "id": notification_id,
            "channel_id": target.channel_id,
            "channel_type": target.channel_type,
            "url": target.url,
            "event_type": document["event_type"],
            "message": wire.dump({"id": notification_id, **document}),
            "status": "pending" if error is None else "failed",
            "error": error,
            "next_attempt_at": now if error is None else None,
            "created_at": now,
            **origin,
        }
        names, places = ", ".join(row), ", ".join("?" * len(row))
        self._db.run(f"INSERT INTO notifications ({names}) VALUES ({places})", *row.values())

    def _refusal(self, target: _Target) -> str | None:
        """Return why there is no point in trying, None if there is one."""
        if target.url is not None:
            try:
                channel_config.check_url(target.url)
            except ValueError as exc:
                return f"the rule's webhook_url {exc}"
        waiting = self._db.scalar("SELECT count(*) FROM notifications WHERE status = 'pending'")
        return _FULL if waiting >= PENDING_MAX else None
