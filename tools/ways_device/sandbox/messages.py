"""What is told: the document that a webhook gets, and its words for people.

A document is made when its cause occurs and stays as it is through all attempts. The keys are
ours; the alarm in it is as the API shows it.

    {"id", "event_type", "occurred_at", "policy": {"id", "name"}, "alarm": {...}}   of an alarm
    {"id", "event_type": "rule_triggered", "occurred_at", "rule": {...}}   of a rule's own action
    {"id", "event_type": "test", "occurred_at", "channel": {"id", "name"}}   of a test
"""

from dataclasses import dataclass

from ways_device.sandbox.wire import Json

_TITLE_MAX = 200
_BODY_MAX = 2000


@dataclass(frozen=True)
class Words:
    """A title of one line, and a body of a few."""

    title: str
    body: str


def words(document: Json) -> Words:
    """Return the document in words."""
    if document["event_type"] == "test":
        name = document["channel"]["name"]
        return _words("Test notification", f"This is a test of the channel {name}.")
    if "rule" in document:
        rule = document["rule"]
        title = f"[{rule.get('severity')}] {rule.get('title') or rule.get('rule_name')}"
        facts = [str(rule.get("message") or ""), f"Device: {rule.get('device_id')}"]
        return _words(title, _lines([*facts, f"At: {document['occurred_at']}"]))
    alarm = document["alarm"]
    title = f"[{alarm['severity']}] {document['event_type']}: {alarm['title']}"
    facts = [
        alarm.get("message") or "",
        f"Device: {alarm['device_id']}",
        f"Rule: {alarm['rule_name']}",
        f"Alarm: {alarm['id']} ({alarm['status']})",
        f"At: {document['occurred_at']}",
    ]
    return _words(title, _lines(facts))


def _words(title: str, body: str) -> Words:
    # One line only: a line break in a title would end the subject of a mail.
    return Words(" ".join(title.split())[:_TITLE_MAX], body[:_BODY_MAX])


def _lines(facts: list[str]) -> str:
    return "\n".join(fact for fact in facts if fact)
