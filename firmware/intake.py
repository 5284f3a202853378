"""Takes a command in: judged, and recorded in flash, before the broker is told that it came.

So that of recorded, acknowledged and acted upon each comes before the next, and a command that
comes again is known. In memory only while there are commands.
"""

from micropython import const

from firmware import strictjson
from firmware.journal import Journal

# Refusals that come so fast that they cannot be told one by one are counted: others' events
# have to go out as well.
_MOST_EVENTS = const(8)
# Commands that are open at a time; their senders may try again.
_MOST_OPEN = const(8)
# name: (argument, type, lowest and highest value or length, whether it has to be there) ...
COMMANDS = {
    "read_now": (),
    "set_interval": (("interval_s", int, 1, 86400, True),),
    "reboot": (),
    "identify": (("seconds", int, 1, 60, False),),
    "get_config": (("keys", list, 1, 40, False), ("skip", int, 0, 99, False)),
    "get_logs": (("lines", int, 1, 100, False), ("skip", int, 0, 9999, False)),
    "sync_time": (),
    "add_wifi": (
        ("ssid", str, 1, 32, True),
        ("password", str, 0, 64, True),
        ("priority", int, -1000, 1000, False),
    ),
}


def receive(down, message):
    """Take one message of the commands' topic; None is one that was too large.

    Whatever it is, down has something to tell about it afterwards; unless it is known already.
    """
    command_id = why = command = None
    session = down.agent.session
    try:
        if message is None:
            raise ValueError("oversize")
        command = strictjson.parse(message)
        command_id = _id(command)
        if journal_of(down).knows(command_id):
            down.log.info("command_repeated", id=command_id)
            return
        if session.retained:
            raise ValueError("retained")
        check(command)
        why = expired(down.agent.clock, command.get("not_after"))
    except ValueError as exc:
        why = str(exc)
    except OSError as exc:
        down.log.error("journal_unusable", why=exc)
        why = "not_recorded"
    if command_id is None or why == "not_recorded":
        _refuse(down, command_id, why)
        return
    _record(down, command_id, command, why)


def _refuse(down, command_id, reason):
    """Tell that a command is refused, of which flash knows nothing; or count it."""
    publisher = down.agent.publisher
    if len(publisher.events) >= _MOST_EVENTS:
        down.ignored += 1
        return
    answer = {"id": command_id, "state": "refused", "reason": reason}
    publisher.add_event("command_result", answer)


def journal_of(down):
    """Return the journal; it is read when somebody asks for it first. Raises OSError."""
    if down.journal is None:
        down.journal = Journal(down.path, down.log)
    return down.journal


def expired(clock, not_after):
    """Return why a command may not be obeyed any more, None if it may."""
    if not_after is None:
        return None
    now_s = clock.now_s()
    if now_s is None:
        return "time_unknown"
    return "expired" if now_s > not_after else None


def check(command):
    """Raises ValueError for a command that is none of ours."""
    for key in command:
        if key not in ("id", "name", "args", "not_after"):
            raise ValueError("%s: unknown" % key[:32])
    name = command.get("name")
    if not isinstance(name, str) or name not in COMMANDS:
        raise ValueError("name: unknown")
    if not isinstance(command.get("not_after", 0), int):
        raise ValueError("not_after: wrong type")
    given = command.get("args", {})
    if not isinstance(given, dict):
        raise ValueError("args: wrong type")
    _check_arguments(COMMANDS[name], given)


def _check_arguments(wanted, given):
    known = []
    for name, kind, low, high, is_needed in wanted:
        known.append(name)
        if name in given:
            _check_argument(name, kind, low, high, given[name])
        elif is_needed:
            raise ValueError("%s: missing" % name)
    for name in given:
        if name not in known:
            raise ValueError("%s: unknown" % name[:32])


def _check_argument(name, kind, low, high, value):
    # A bool is no int in MicroPython.
    if not isinstance(value, kind):
        raise ValueError("%s: wrong type" % name)
    size = value
    if kind is str:
        size = len(value.encode())
    elif kind is list:
        size = len(value)
        for item in value:
            if not isinstance(item, str):
                raise ValueError("%s: wrong type" % name)
    if not low <= size <= high:
        raise ValueError("%s: not in %d..%d" % (name, low, high))


def _id(command):
    """Return the id of a command. Raises ValueError for one without, which cannot be answered."""
    command_id = command.get("id")
    if not isinstance(command_id, str) or not 1 <= len(command_id) <= 64:
        raise ValueError("id: not a text of 1 to 64 characters")
    for one in command_id:
        if not ("a" <= one <= "z" or "A" <= one <= "Z" or "0" <= one <= "9" or one in "-_"):
            raise ValueError("id: not of letters, digits, - and _")
    return command_id


def _record(down, command_id, command, why):
    """Have a command, or its refusal, outlive whatever comes; queue it."""
    journal = down.journal
    if len(journal.open) >= _MOST_OPEN:
        _refuse(down, command_id, "busy")
        return
    answer = {"id": command_id, "state": "accepted"}
    if why:
        answer["state"], answer["reason"] = "refused", why
    down.queue.append((answer, command))
    try:
        journal.record(command_id, answer)
    except Exception as exc:
        down.queue.pop()
        if not isinstance(exc, OSError):
            raise
        down.log.error("journal_unusable", why=exc)
        _refuse(down, command_id, "not_recorded")
