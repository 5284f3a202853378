"""Finds a driver of somebody's own, and says what is wrong with one. Loaded when needed."""

import os
import sys

from firmware.errors import ConfigError


def find(kind, root, missing):
    """Return the module of a kind from the folder sensors in root.

    missing is why it is none of ours. Raises ConfigError if it is not there either.
    """
    path = root + "sensors/" + kind
    if not _is_there(path + ".py") and not _is_there(path + ".mpy"):
        raise ConfigError("sensors: %s: %s, nor %s.py" % (kind, missing, path))
    sys.path.insert(0, root)
    try:
        return __import__("sensors." + kind, None, None, ("open",))
    finally:
        sys.path.pop(0)


def why(exc):
    """Return in words what a driver that could not be opened has raised."""
    if isinstance(exc, KeyError):
        return "option %s is missing" % exc
    if isinstance(exc, (TypeError, ValueError)):
        return exc
    return "%s: %s" % (type(exc).__name__, exc)


def _is_there(path):
    try:
        os.stat(path)
        return True
    except OSError:
        return False
