"""The questions, in the order in which each finds what it builds on."""

from collections.abc import Callable
from dataclasses import dataclass

from ways_device.errors import ToolError
from ways_device.probe import broker, presence, rest, rows
from ways_device.probe.bench import Bench
from ways_device.probe.finding import Deadline, Finding, Told, UnansweredError
from ways_device.secrets import one_line


@dataclass(frozen=True)
class Question:
    key: str
    asks: str
    within_s: float
    find: Callable[[Bench, Deadline], Told]


QUESTIONS = (
    Question("register", "where is a new device's login", 60, rest.register),
    Question("repeat", "what does a second registration of an id do", 60, rest.repeat),
    Question("tags", "in which form do tags go in", 60, rest.tags),
    Question("paging", "which parameters choose a part of a list", 60, rest.paging),
    Question("errors", "what do errors look like", 60, rest.errors),
    Question("broker", "in which form is the broker's address told", 60, broker.address),
    Question("chain", "which certificates does the broker show", 40, broker.chain),
    Question("subscriptions", "what may a device subscribe to", 150, broker.subscriptions),
    Question("rows", "which messages make rows", 240, rows.rows),
    Question("measured_at", "does a reading's timestamp count", 90, rows.measured_at),
    Question("unknown_keys", "do unknown keys (boot, seq) harm", 90, rows.unknown_keys),
    Question("presence", "what makes a device online or offline", 180, presence.presence),
    Question(
        "rule_config", "does a changed rule keep the rest of its config", 60, rest.rule_config
    ),
    Question("inactive", "what does is_active=false do", 90, presence.inactive),
    Question("deletion", "what does deleting a device leave", 60, presence.deletion),
)


def answered(question: Question, bench: Bench, deadline: Deadline) -> Finding:
    """Ask one question. What keeps it from an answer is part of what is found."""
    bench.deadline = deadline
    try:
        told = question.find(bench, deadline)
    except (UnansweredError, ToolError, OSError) as exc:
        why = one_line(str(exc) or type(exc).__name__)
        return Finding(question.key, question.asks, f"not answered: {why}", None, why)
    return Finding(question.key, question.asks, told.said, told.answer)
