"""Rules about silence and rates: looked at by time, all devices of a rule in one query.

What is asked of each device has three answers: it holds, it does not, or nobody can tell yet.
The third leaves everything as it is. It is the answer
- for a silence that began before the sandbox started: time in which it did not run is nobody's
  silence, so devices have GRACE_S, or the rule's own timeout if that is longer, to come back;
- for too few messages in a window that began before the device could send: before it was
  registered, before it was made active, or, for one from before the start, within the grace.

offline        silent since the last session ended, held only while none is open
missing_data   silent since the last telemetry arrived, of whatever datapoint
message_rate   messages of any kind, in whole minutes; looked at when a minute is over
reconnect_rate sessions opened in the window, save the first one ever
The silence of a device that never connected or sent begins with its registration, that of one
that was inactive when it is made active again.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ways_device.sandbox import scopes, stories
from ways_device.sandbox.db import Db
from ways_device.sandbox.responder import Responder, Story
from ways_device.sandbox.rule_config import Rate, Silence, compiled
from ways_device.sandbox.rule_states import State, States, state
from ways_device.sandbox.rules import Rule, Rules

GRACE_S = 60
_TIMEOUT_S = 300
_INTERVALS = 2
_MINUTE_S = 60

# a is one row, with all that is asked with. OFFSET keeps SQLite from working out a column of an
# inner query once for each place where an outer one names it.
_NEWS = """
WITH a({names}) AS (VALUES ({marks})),
facts AS ({facts} WHERE {covered} LIMIT -1 OFFSET 0),
judged AS (SELECT device_id, amount, {holds} AS holds FROM facts, a LIMIT -1 OFFSET 0)
SELECT j.device_id, j.amount, j.holds, s.holds_since, s.due_at, s.is_told, s.acted_at
FROM judged j CROSS JOIN a LEFT JOIN rule_states s
    ON s.rule_id = a.rule AND s.device_id = j.device_id
WHERE (j.holds AND (s.holds_since IS NULL OR NOT s.is_told))
    OR (NOT j.holds AND (s.holds_since IS NOT NULL OR s.is_told))
"""
_THERE = "max(d.created_at, coalesce(d.active_since, 0))"

# amount is the time of the last sign of life.
_OFFLINE = f"""
SELECT d.device_id, coalesce(a.timeout, {_TIMEOUT_S}) AS allowed_s,
    max({_THERE}, coalesce(
        (SELECT max(s.closed_at) FROM sessions s WHERE s.device_id = d.device_id), 0
    )) AS amount,
    NOT EXISTS (
        SELECT 1 FROM sessions s WHERE s.device_id = d.device_id AND s.closed_at IS NULL
    ) AS is_silent
FROM devices d, a
"""
_MISSING_DATA = f"""
SELECT d.device_id, 1 AS is_silent, max({_THERE}, coalesce(d.last_telemetry, 0)) AS amount,
    coalesce(a.timeout, {_INTERVALS} * (
        SELECT p.reporting_interval_seconds FROM profiles p WHERE p.id = d.profile_id
    ), {_TIMEOUT_S}) AS allowed_s
FROM devices d, a
"""
_IS_SILENT = f"""CASE
    WHEN NOT is_silent THEN 0
    WHEN amount < started AND now < started + max({GRACE_S}, allowed_s) THEN NULL
    ELSE now >= amount + allowed_s
END"""

# amount is how often; is_whole tells that the device could send all through the window.
_MESSAGES = f"""
SELECT d.device_id, (
    SELECT coalesce(sum(t.messages), 0) FROM traffic t WHERE t.device_id = d.device_id
    AND t.minute >= a.begin / {_MINUTE_S} AND t.minute < a.now / {_MINUTE_S}
) AS amount,
    a.begin >= max({_THERE}, (d.created_at < a.started) * (a.started + {GRACE_S})) AS is_whole
FROM devices d, a
"""
_RECONNECTS = """
SELECT d.device_id, 1 AS is_whole, (
    SELECT count(*) FROM sessions s WHERE s.device_id = d.device_id AND s.opened_at > a.begin
) - coalesce((
    SELECT min(s.opened_at) > a.begin FROM sessions s WHERE s.device_id = d.device_id
), 0) AS amount
FROM devices d, a
"""


@dataclass(frozen=True)
class _Watch:
    rule: Rule
    sql: str
    # The columns of a but those of the moment.
    values: tuple[Any, ...]
    window_s: float
    # From device, amount and time.
    story: Callable[[str, float, float], Story]


class Watches:
    def __init__(self, db: Db, rules: Rules, states: States, responder: Responder) -> None:
        self._db = db
        self._rules = rules
        self._states = states
        self._responder = responder
        self._revision: int | None = None
        self._watches: list[_Watch] = []
        self._minute: float | None = None

    def tick(self, now: float, started_at: float) -> None:
        """Look at all devices of all rules; started_at is when the sandbox started."""
        minute = now // _MINUTE_S * _MINUTE_S
        if self._revision != self._rules.revision:
            self._reload()
            self._minute = None
        for watch in self._watches:
            if watch.rule.rule_type != "message_rate":
                self._look(watch, now, started_at)
            elif minute != self._minute:
                self._look(watch, minute, started_at)
        self._minute = minute

    def _look(self, watch: _Watch, now: float, started_at: float) -> None:
        moment = (now, started_at, now - watch.window_s)
        for row in self._db.all(watch.sql, *moment, *watch.values):
            before = State() if row["is_told"] is None else state(row)
            if row["holds"]:
                self._hold(watch, row, before, now)
            else:
                self._responder.over(watch.rule, row["device_id"], before)

    def _hold(self, watch: _Watch, row: sqlite3.Row, before: State, now: float) -> None:
        device_id, amount = row["device_id"], row["amount"]
        if before.holds_since is None:
            self._states.hold(watch.rule.id, device_id, now, now)
        self._responder.due(
            watch.rule, device_id, before, lambda: watch.story(device_id, amount, now)
        )

    def _reload(self) -> None:
        self._watches = []
        for rule in self._rules.enabled():
            condition = compiled(rule.rule_type, rule.config)
            if isinstance(condition, Silence):
                self._watches.append(_silence(rule, condition))
            elif isinstance(condition, Rate):
                self._watches.append(_rate(rule, condition))
        self._revision = self._rules.revision


def _silence(rule: Rule, silence: Silence) -> _Watch:
    is_offline = rule.rule_type == "offline"
    facts = _OFFLINE if is_offline else _MISSING_DATA
    told = stories.offline if is_offline else stories.missing_data
    sql, values = _news(rule, facts, _IS_SILENT, {"timeout": silence.timeout_s})
    return _Watch(rule, sql, values, 0, lambda device_id, since, now: told(device_id, now - since))


def _rate(rule: Rule, rate: Rate) -> _Watch:
    is_messages = rule.rule_type == "message_rate"
    facts = _MESSAGES if is_messages else _RECONNECTS
    told = stories.message_rate if is_messages else stories.reconnect_rate
    limits = {f"limit{index}": limit for index, (_, limit) in enumerate(rate.tests)}
    # What is too much already stays too much, however little of the window is known.
    above, other = ["0"], ["0"]
    for (sign, _), name in zip(rate.tests, limits, strict=True):
        (above if sign in (">", ">=") else other).append(f"amount {sign} {name}")
    holds = (
        f"CASE WHEN {' OR '.join(above)} THEN 1"
        f" WHEN NOT is_whole THEN NULL ELSE {' OR '.join(other)} END"
    )
    sql, values = _news(rule, facts, holds, limits)
    window_s = rate.window_s
    if is_messages:
        window_s = -(-window_s // _MINUTE_S) * _MINUTE_S
    return _Watch(
        rule, sql, values, window_s, lambda device_id, count, _: told(device_id, rate, count)
    )


def _news(rule: Rule, facts: str, holds: str, own: dict[str, Any]) -> tuple[str, tuple[Any, ...]]:
    """Return the query for devices about which there is something to do, and its values."""
    given = {"rule": rule.id, "scope": rule.scope_id, **own}
    names = ("now", "started", "begin", *given)
    sql = _NEWS.format(
        names=", ".join(names),
        marks=", ".join("?" for _ in names),
        facts=facts,
        covered=scopes.covered(rule, "a.scope"),
        holds=holds,
    )
    return sql, tuple(given.values())
