import asyncio
import json

from fakes.board import FakeBoard
from fakes.log import Lines
from firmware import identity, lastrun
from firmware.retained import CRASHED, PLANNED, RUNNING, SLEEPING, STEADY, Retained

BODY = {
    "device_id": "d",
    "username": "u-name",
    "password": "pass'word\\1",
    "client_id": "c-id",
    "ca": "AAAA",
    "wifi": [{"ssid": "my house", "password": "wifi-password", "priority": 1}],
}


def board():
    made = FakeBoard()
    made.nvs.set_blob("id0", identity.pack(json.dumps(BODY).encode(), 1))
    return made


def caught(text="worn out", deep=0):
    try:
        if deep:
            return caught_below(text, deep)
        raise ValueError(text)
    except ValueError as exc:
        return exc


def caught_below(text, deep):
    if deep:
        return caught_below(text, deep - 1)
    raise ValueError(text)


def noted(made, exc):
    lastrun.note(made, None, None, exc)
    return lastrun.read(made.nvs)


class Publisher:
    def __init__(self):
        self.events = []

    def add_event(self, event_type, metadata, done=None):
        self.events.append((event_type, json.loads(json.dumps(metadata)), done))


class Agent:
    """As much of one as a report needs."""

    def __init__(self, made):
        self.board = made
        self.log = Lines().log("agent")
        self.publisher = Publisher()
        self.sampler = self
        self.sensors = []
        self.store = self
        self.boot = 7
        self.retained = Retained(made)


def test_every_cause_has_its_name():
    for reset_cause, ended, cause in (
        ("power", None, "power"),
        ("power", RUNNING, "power"),  # a brown-out: the chip calls it so too
        ("sleep", SLEEPING, "sleep"),
        ("soft", PLANNED, "host"),
        ("soft", None, "host"),
        ("hard", PLANNED, "planned"),
        ("hard", PLANNED | STEADY, "planned"),
        ("hard", CRASHED, "crash"),
        ("hard", CRASHED | STEADY, "crash"),
        ("hard", RUNNING, "crash"),  # a panic: nobody was asked
        ("hard", RUNNING | STEADY, "crash"),
        ("hard", SLEEPING, "crash"),
        ("hard", None, "unknown"),
        ("watchdog", RUNNING, "watchdog"),
        ("watchdog", STEADY, "watchdog"),
        ("watchdog", CRASHED, "watchdog"),
        ("watchdog", None, "watchdog"),
        ("watchdog", PLANNED, "host"),  # the REPL was left open
        ("unknown", RUNNING, "unknown"),
    ):
        assert lastrun.cause_of(reset_cause, ended) == cause, (reset_cause, ended)


def test_a_record_tells_what_and_where():
    made = board()
    record = noted(made, caught(deep=1))
    assert record["error"] == "ValueError: worn out"
    assert 'test_lastrun.py", line' in record["place"] and "caught_below" in record["place"]
    assert "task" not in record


def test_no_secret_is_in_a_record_in_whatever_form():
    for text in (
        "no u-name here",
        "login pass'word\\1 refused",
        repr({"key": "wifi-password", "ssid": "my house"}),
        repr(["pass'word\\1"]),
        "c-id",
    ):
        stored = noted(board(), caught(text))["error"]
        assert "***" in stored, text
        for secret in ("u-name", "pass'word", "my house", "wifi-password", "c-id"):
            assert secret not in stored, stored


def test_who_cannot_tell_what_is_secret_records_the_kind_only():
    made = board()
    made.nvs.get_blob_into = None
    exc = caught("wifi-password")
    assert lastrun.secrets(made) is None
    assert lastrun.record_of(exc, "", None, None, None)["error"] == "ValueError"
    # A board that is nobody's yet has no secrets.
    assert lastrun.secrets(FakeBoard()) == []


def test_a_record_never_takes_more_than_its_room():
    for text in ("x" * 3000, "\u4e16" * 300, '"' * 400):
        made = board()
        noted(made, caught(text))
        assert 20 < len(made.nvs.values["crash"]) <= 512


def test_the_same_crash_again_is_not_written_again():
    made = board()
    noted(made, caught())
    written = []
    made.nvs.set_blob = lambda key, value: written.append(key)
    noted(made, caught())
    assert written == []
    noted(made, caught("something else"))
    assert written == ["crash"]


def test_a_damaged_record_is_none():
    made = board()
    for data in (b"-", b"", b"[1]", b'{"error": "x', b"\xff\xfe"):
        made.nvs.set_blob("crash", data)
        assert lastrun.read(made.nvs) is None, data


def test_how_a_run_ends_is_noted_with_and_without_an_agent():
    made = board()
    agent = Agent(made)
    agent.retained.ending = STEADY
    lastrun.note(made, agent, CRASHED, None)
    assert Retained(made).ending == CRASHED | STEADY
    lastrun.note(made, None, PLANNED, None)
    after = Retained(made)
    assert after.ending == PLANNED and not after.power_on


def test_a_sensor_that_stalled_the_chip_is_left_alone_until_a_planned_restart_or_a_power_cut():
    made = board()
    agent = Agent(made)
    kept = agent.store.retained = Retained(made)

    def disabled_after(cause, busy):
        kept.busy = busy
        lastrun.tell(agent, (cause, 1, None))
        assert Retained(made).busy == 0
        return Retained(made).disabled

    assert disabled_after("watchdog", 3) == 0b100
    for cause in ("crash", "unknown", "host", "sleep"):
        assert disabled_after(cause, 2) == 0b100, cause
    assert disabled_after("watchdog", 1) == 0b101
    assert disabled_after("planned", 0) == 0


async def test_a_crash_is_told_and_its_record_kept_until_the_broker_has_it():
    made = board()
    lastrun.note(made, None, None, caught())
    agent = Agent(made)
    lastrun.tell(agent, lastrun.found(made, CRASHED, 2))
    # A process start has no cause of its own: on Linux the record tells.
    (_, started, _), (event_type, crash, done) = agent.publisher.events
    assert (started["starts"], started["boot"]) == (2, 7)
    assert (event_type, crash["error"]) == ("crash", "ValueError: worn out")
    assert lastrun.read(made.nvs) is not None
    # Not at once: flash is left alone in the first moments of a start.
    done()
    await asyncio.sleep_ms(30)
    assert lastrun.read(made.nvs) is not None
    await lastrun._forget(made.nvs, 1)
    assert lastrun.read(made.nvs) is None


def test_a_wake_is_not_told():
    agent = Agent(board())
    lastrun.tell(agent, ("sleep", 0, None))
    assert agent.publisher.events == []
