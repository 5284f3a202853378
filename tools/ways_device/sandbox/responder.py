"""What a rule does when its condition holds, and when it is over."""

from collections.abc import Callable
from dataclasses import dataclass

from ways_device.sandbox.alarms import Alarms
from ways_device.sandbox.db import Db
from ways_device.sandbox.rule_states import State, States
from ways_device.sandbox.rules import Rule
from ways_device.sandbox.wire import Json, iso

SendWebhook = Callable[[Rule, str, Json], None]


@dataclass(frozen=True)
class Story:
    """How a person is told."""

    title: str
    message: str


class Responder:
    """A rule acts on a device at most once per cooldown: a new alarm, a webhook, or both.

    Told of again while its alarm is open, it counts one more occurrence, cooldown or not. What
    begins to hold within the cooldown while no alarm is open is acted on when the cooldown ends,
    if it still holds then. After it has told, it tells again only when the condition was over in
    between: an alarm that a person resolves does not come back by itself.
    """

    def __init__(
        self,
        db: Db,
        states: States,
        alarms: Alarms,
        send_webhook: SendWebhook,
        clock: Callable[[], float],
    ) -> None:
        self._db = db
        self._states = states
        self._alarms = alarms
        self._send_webhook = send_webhook
        self._clock = clock

    def due(self, rule: Rule, device_id: str, state: State, story: Callable[[], Story]) -> None:
        """The condition holds and has held for long enough; state is that of now."""
        with self._db.transaction():
            if "mark_unhealthy" in rule.actions:
                self._states.mark_unhealthy(rule.id, device_id)
            now = self._clock()
            is_rested = state.acted_at is None or now - state.acted_at >= rule.cooldown_s
            is_open = self._has_open_alarm(rule, device_id)
            if not state.is_told and (is_rested or is_open):
                is_act = self._tell(rule, device_id, story(), is_rested)
                self._states.tell(rule.id, device_id, now if is_act else None)

    def over(self, rule: Rule, device_id: str, state: State) -> None:
        """The condition holds no more; state is that of before."""
        with self._db.transaction():
            if state.is_told and rule.auto_resolve:
                self._alarms.clear(rule, device_id)
            self._states.end(rule.id, device_id)

    def _tell(self, rule: Rule, device_id: str, story: Story, is_rested: bool) -> bool:
        """Open or count an alarm, send a webhook if that is due. Tell whether this was an act."""
        alarm: Json = {}
        was_open = self._has_open_alarm(rule, device_id)
        if "create_alarm" in rule.actions:
            alarm = self._alarms.trigger(rule, device_id, story.title, story.message)
        is_sent = is_rested and "send_webhook" in rule.actions
        if is_sent:
            self._send_webhook(rule, device_id, self._document(rule, device_id, story, alarm))
        return is_sent or (bool(alarm) and not was_open)

    def _document(self, rule: Rule, device_id: str, story: Story, alarm: Json) -> Json:
        return {
            "event": "rule_triggered",
            "rule_id": rule.id,
            "rule_name": rule.name,
            "rule_type": rule.rule_type,
            "severity": rule.severity,
            "device_id": device_id,
            "title": story.title,
            "message": story.message,
            "alarm_id": alarm.get("id"),
            "triggered_at": iso(self._clock()),
        }

    def _has_open_alarm(self, rule: Rule, device_id: str) -> bool:
        sql = "SELECT 1 FROM alarms WHERE rule_id = ? AND device_id = ? AND status <> 'resolved'"
        return "create_alarm" in rule.actions and bool(self._db.one(sql, rule.id, device_id))
