"""Rules of the type threshold: by each value that comes in, and by the time that it stays.

Values count in the order in which they were measured: one that is older than the newest of its
device and datapoint says nothing, so a backlog that arrives beside live values raises no alarm.
One that claims to be from the future counts as measured when it arrived, so a wrong clock does
not silence a rule.

A duration is made up of two: the time between the first and the last value that are beyond the
limit, as measured, and the time since the last one arrived. So a value that stays raises an
alarm without a second one, and old values that arrive in a burst are judged by their own times.
"""

import json
from typing import Any

from ways_device.sandbox import scopes, stories
from ways_device.sandbox.db import Db
from ways_device.sandbox.responder import Responder, Story
from ways_device.sandbox.rule_config import Threshold, compiled
from ways_device.sandbox.rule_states import States
from ways_device.sandbox.rules import Rule, Rules

_Watch = tuple[Rule, Threshold]
# Pairs of device and datapoint whose newest value is remembered; beyond, all are asked for anew.
_NEWEST_MAX = 100_000


class Thresholds:
    def __init__(self, db: Db, rules: Rules, states: States, responder: Responder) -> None:
        self._db = db
        self._rules = rules
        self._states = states
        self._responder = responder
        self._revision: int | None = None
        self._watches: list[_Watch] = []
        # What can be told from the database, remembered because each value asks for it.
        self._by_datapoint: dict[str, list[_Watch]] = {}
        self._newest: dict[tuple[str, str], float] = {}
        # (rule, device) wherever something may hold; one too many costs a query.
        self._live: set[tuple[str, str]] = set()

    def on_value(
        self, device_id: str, datapoint_id: str, value: Any, measured_at: float, received_at: float
    ) -> None:
        """Judge a value by the rules for its datapoint. Without such rules it costs no query."""
        watches = self._of(datapoint_id)
        if not watches:
            return
        measured_at = min(measured_at, received_at)
        if not self._is_newest(device_id, datapoint_id, measured_at):
            return
        for rule, condition in watches:
            holds = condition.holds(value)
            if holds:
                self._hold(rule, condition, device_id, value, measured_at, received_at)
            elif holds is False and (rule.id, device_id) in self._live:
                self._end(rule, device_id)

    def tick(self, now: float) -> None:
        """Judge what has held long enough by now."""
        self._reload()
        for rule, condition in self._watches:
            is_marking = "mark_unhealthy" in rule.actions
            for device_id in self._states.due(rule.id, now, is_marking):
                self._tell(rule, condition, device_id)

    def _hold(
        self,
        rule: Rule,
        condition: Threshold,
        device_id: str,
        value: Any,
        measured_at: float,
        received_at: float,
    ) -> None:
        state = self._states.of(rule.id, device_id)
        if state.is_told and state.holds_since is not None:
            return
        if not scopes.covers(self._db, rule, device_id):
            return
        since = measured_at if state.holds_since is None else state.holds_since
        due_at = received_at + condition.duration_s - (measured_at - since)
        self._live.add((rule.id, device_id))
        self._states.hold(rule.id, device_id, since, due_at)
        if due_at <= received_at:
            self._tell(rule, condition, device_id, value)

    def _end(self, rule: Rule, device_id: str) -> None:
        if scopes.covers(self._db, rule, device_id):
            self._responder.over(rule, device_id, self._states.of(rule.id, device_id))
            self._live.discard((rule.id, device_id))

    def _tell(self, rule: Rule, condition: Threshold, device_id: str, value: Any = None) -> None:
        def story() -> Story:
            key, newest = self._last(device_id, condition)
            return stories.threshold(device_id, condition, key, newest if value is None else value)

        self._responder.due(rule, device_id, self._states.of(rule.id, device_id), story)

    def _last(self, device_id: str, condition: Threshold) -> tuple[str, Any]:
        """Return the datapoint's key and the newest value of the device."""
        row = self._db.one(
            "SELECT p.name, t.value FROM telemetry t JOIN datapoints p ON p.id = t.datapoint_id"
            " WHERE t.device_id = ? AND ? IN (p.id, p.name) ORDER BY t.measured_at DESC LIMIT 1",
            device_id,
            condition.datapoint,
        )
        return (condition.datapoint, None) if row is None else (row[0], json.loads(row[1]))

    def _of(self, datapoint_id: str) -> list[_Watch]:
        self._reload()
        found = self._by_datapoint.get(datapoint_id)
        if found is None:
            key = self._db.scalar("SELECT name FROM datapoints WHERE id = ?", datapoint_id)
            names = (datapoint_id, key)
            found = [watch for watch in self._watches if watch[1].datapoint in names]
            self._by_datapoint[datapoint_id] = found
        return found

    def _reload(self) -> None:
        """Read the rules again if they changed."""
        if self._revision == self._rules.revision:
            return
        self._watches = []
        for rule in self._rules.enabled():
            condition = compiled(rule.rule_type, rule.config)
            if isinstance(condition, Threshold):
                self._watches.append((rule, condition))
        self._by_datapoint = {}
        self._live = self._states.pairs()
        self._revision = self._rules.revision

    def _is_newest(self, device_id: str, datapoint_id: str, measured_at: float) -> bool:
        pair = device_id, datapoint_id
        newest = self._newest.get(pair)
        if newest is None:
            if len(self._newest) >= _NEWEST_MAX:
                self._newest.clear()
            newest = self._db.scalar(
                "SELECT min(measured_at, received_at) FROM telemetry"
                " WHERE device_id = ? AND datapoint_id = ? ORDER BY measured_at DESC LIMIT 1",
                *pair,
            )
        is_newest = newest is None or measured_at >= newest
        if is_newest:
            self._newest[pair] = measured_at
        return is_newest
