"""What the host runs on a board to set it up: one line of JSON per call, no secret in it.

The host calls these through the REPL while `hold` keeps the agent from starting.
"""

import binascii
import hashlib
import json
import os

from firmware import identity, slots, topics
from firmware.board import Board
from firmware.clock import Clock
from firmware.config import checked
from firmware.errors import ConfigError, CorruptError
from firmware.reading import declared
from firmware.retained import Retained
from firmware.sensors import open_all

_LOGIN = ("username", "password", "client_id")


def check(path):
    """Judge a settings file as the agent would, and answer with the datapoints it makes.

    The file is removed. Sensors are made, but not read.
    """
    try:
        text = _take(path).strip()
        # MicroPython's parser takes the end of the text for the end of whatever is open.
        if not text.endswith(b"}"):
            raise ConfigError("config: not JSON")
        config = checked(json.loads(text))
        topics.topics_of("id", config.topics)  # pyright: ignore[reportAttributeAccessIssue]
        points = []
        opened = open_all(config.sensors, Board())  # pyright: ignore[reportAttributeAccessIssue]
        for _, sensor in opened:
            points.extend(sensor.points)
        declared(points)
    except (ConfigError, ValueError) as exc:
        _answer({"error": str(exc)})
        return
    described = [_described(point) for point in points]
    _answer({"datapoints": described, "unknown": config.unknown})


def install_identity(path):
    """Take an identity's body from a file, remove it, and store it in a slot.

    A device's own slot is written again; another device's stays as the spare. Login fields
    that the body lacks are taken over if the identity in use is the same device's.
    """
    raw = _take(path)
    body = json.loads(raw)
    board = Board()
    try:
        old = identity.load(board)
    except CorruptError:
        old = None
    if old is not None and old.device_id == body["device_id"] and _complete(body, old):
        raw = json.dumps(body).encode()
    missing = [name for name in identity.FIELDS if not body.get(name)]
    if missing:
        _answer({"error": "%s is missing" % missing[0]})
        return
    slot, generation = _place(board, old, body)
    # The host's own bytes are stored as they came, so that it knows their hash.
    data = identity.pack(raw, generation)
    if not slots.write(board, slot, data):
        _answer({"error": "what was written does not read back"})
        return
    digest = binascii.hexlify(hashlib.sha256(data).digest()).decode()
    _answer({"slot": slot, "generation": generation, "sha256": digest})


def seed_clock(epoch_s):
    """Set the clock to UTC as the agent does after a sync, floor included."""
    board = Board()
    Clock(board, Retained(board)).set_utc(epoch_s)
    _answer({"epoch_s": epoch_s})


def _complete(body, old):
    """Take the login over into body where it has none; return whether anything was taken."""
    lacking = [name for name in _LOGIN if not body.get(name)]
    for name in lacking:
        body[name] = getattr(old, name)
    return bool(lacking)


def _place(board, old, body):
    """Return the slot and generation that this body is to have."""
    if old is None:
        return 0, 1
    slot = slots.slot_of(board, old.generation)
    if old.device_id != body["device_id"]:
        return 1 - slot, old.generation + 1
    same = all(
        getattr(old, name) == (binascii.a2b_base64(body[name]) if name == "ca" else body[name])
        for name in identity.FIELDS
    )
    return slot, old.generation + (0 if same else 1)


def _take(path):
    """Return a file's bytes and remove it."""
    with open(path, "rb") as file:
        data = file.read()
    os.remove(path)
    return data


def _described(point):
    return {"key": point.key, "unit": point.unit, "data_type": point.data_type}


def _answer(fields):
    print("ways-device:" + json.dumps(fields))
