"""What a run leaves behind for the next one, and what that makes of it. In memory only then.

A crash record is a JSON object in NVS, blob "crash", of 512 bytes at most:

    error     the exception, with known secrets taken out; its name only, if that cannot be done
    place     where: up to three lines as a traceback has them, the innermost last
    task      which task it was, if it was one
    uptime_s  how long the agent had run

It stays until the broker has it. What is no JSON object there means that there is none.
"""

import asyncio
import binascii
import io
import json
import struct
import sys

from micropython import const

from firmware import retained, unload
from firmware.errors import CorruptError

_MAX_BYTES = const(512)
_MAX_ERROR = const(160)
_MAX_PLACE = const(240)
_PLACES = const(3)
# Flash is left alone in the first moments of a start: it may be one of many.
_QUIET_MS = const(10_000)
_BLANK = b"-"


def found(board, ended, starts):
    """Return (cause, starts, crash record or None) of this start.

    cause is planned, crash, watchdog, power, sleep, host or unknown; ended and starts are what
    boot.py has found, None and 0 on Linux.
    """
    record = read(board.nvs)
    return cause_of(board.reset_cause(), ended, record), starts, record


def tell(agent, what):
    """Have the platform told how this start came about; what is that of found().

    A sensor whose read stalled the chip is left alone until a power-on or a planned end.
    """
    cause, starts, record = what
    kept = agent.store.retained
    stalled = None
    if cause in ("power", "planned"):
        kept.disabled = 0
    elif cause == "watchdog" and kept.busy:
        stalled = kept.busy - 1
        kept.disabled |= 1 << stalled
    kept.busy = 0
    kept.ending = retained.RUNNING
    kept.save()
    add_event = agent.publisher.add_event
    if cause != "sleep":
        fields = {"cause": cause, "starts": starts, "boot": agent.store.boot}
        if record and cause in ("crash", "watchdog"):
            fields.update(record)
        if stalled is not None:
            fields["sensor"] = _sensor(agent.sampler.sensors, stalled)
        agent.log.info("last_run", cause=cause, starts=starts)
        add_event("started", fields)
    if record:
        nvs = agent.board.nvs
        # A wake is over sooner.
        quiet_ms = 0 if "firmware.sleeper" in sys.modules else _QUIET_MS
        add_event("crash", record, lambda: asyncio.create_task(_forget(nvs, quiet_ms)))


def _sensor(sensors, number):
    from firmware import failing

    try:
        return failing.name_of(sensors[number]) if number < len(sensors) else number
    finally:
        unload("failing")


async def _forget(nvs, quiet_ms):
    await asyncio.sleep_ms(quiet_ms)
    nvs.set_blob("crash", _BLANK)


def cause_of(reset_cause, ended, record=None):
    """Return why this run was started.

    The chip tells machine.reset() and a panic alike, a brown-out as power, and after a soft reset
    always that. ended is how the last run meant to end, None = unknown. See retained.py.
    Source: MicroPython, ports/esp32/modmachine.c.
    """
    if ended is not None:
        ended &= 3
    if reset_cause in ("power", "sleep"):
        # A process has no other cause than to be started.
        return "crash" if record and sys.platform != "esp32" else reset_cause
    if reset_cause == "soft":
        return "host"
    if ended == retained.PLANNED:  # with the watchdog: somebody has left the REPL alone
        return "host" if reset_cause == "watchdog" else "planned"
    if reset_cause == "watchdog":
        return reset_cause
    return "unknown" if ended is None or reset_cause != "hard" else "crash"


def read(nvs):
    """Return the crash record, None if there is none."""
    buf = bytearray(_MAX_BYTES)
    size = nvs.get_blob_into("crash", buf)
    try:
        record = json.loads(bytes(buf[: max(0, size)]))
        return record if isinstance(record, dict) else None
    except ValueError:
        return None


def note(board, agent, ending, exc):
    """Print and record exc, if any; ending, if any, becomes how the run means to end.

    Both board and agent are None while there is none yet.
    """
    board = board or board_of_this()
    if exc:
        task = agent and agent.failed
        uptime_ms = agent.clock.uptime_ms() if agent else None
        known = secrets(board)
        buf = io.StringIO()
        sys.print_exception(exc, buf)  # pyright: ignore[reportArgumentType]
        text = buf.getvalue().strip()  # pyright: ignore[reportAttributeAccessIssue]
        print(type(exc).__name__ if known is None else clean(text, known))
        _write(board, record_of(exc, text, task, uptime_ms, known))
    if ending is None:
        return
    if agent:
        agent.store.retained.ending = ending | agent.store.retained.ending & retained.STEADY
        agent.store.retained.save()
        return
    data = bytearray(board.rtc_memory())
    if len(data) >= 36:
        data[28] = ending
        data[32:36] = struct.pack("<I", binascii.crc32(data[:32]))
        board.set_rtc_memory(data)


def board_of_this():
    from firmware.board import Board

    return Board()


def _write(board, record):
    """Keep the record, unless it tells nothing new: a crash loop must not wear flash out."""
    old = read(board.nvs)
    if old and old.get("error") == record["error"] and old.get("task") == record.get("task"):
        return
    data = json.dumps(record).encode()
    while len(data) > _MAX_BYTES:  # text that is not ASCII takes more than it has letters
        record["place"] = record["place"][20:]
        record["error"] = record["error"][:-20]
        data = json.dumps(record).encode()
    board.nvs.set_blob("crash", data)


def record_of(exc, text, task, uptime_ms, known):
    """Return the record of an exception, of which text is the traceback.

    known are the secrets to take out, None = they are not known.
    """
    lines = [line.strip() for line in text.split("\n")]
    error = type(exc).__name__
    if known is not None:
        error = ("%s: %s" % (error, clean(str(exc), known)))[:_MAX_ERROR]
    places = [line for line in lines if line.startswith('File "')][-_PLACES:]
    record = {"error": error, "place": "; ".join(places)[-_MAX_PLACE:]}
    if task:
        record["task"] = task
    if uptime_ms is not None:
        record["uptime_s"] = uptime_ms // 1000
    return record


def secrets(board):
    """Return all texts that nobody may see, None if they cannot be had."""
    try:
        from firmware import identity

        found = identity.load(board)
    except CorruptError:  # there are none
        return []
    except Exception:
        return None
    finally:
        unload("identity")
    texts = [found.password, found.username, found.client_id]
    for network in found.wifi:
        texts += [network.get("password"), network.get("ssid")]
    # The longest first: one may be part of another.
    return sorted([text for text in texts if text], key=len, reverse=True)


def clean(text, known):
    """Return text with stars for each secret, as it is or as an exception shows it."""
    for secret in known:
        for form in (secret, repr(secret)[1:-1]):
            text = text.replace(form, "***")
    return text
