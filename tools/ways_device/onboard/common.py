# type: ignore
"""What every program here starts with."""

import sys

# Only what is built in or frozen: a stray file on the board must not answer for it.
sys.path[:] = [".frozen"]

import binascii  # noqa: E402
import hashlib  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402


def answer(fields):
    print("ways-device:" + json.dumps(fields))


def exists(path):
    try:
        os.stat(path)
        return True
    except OSError:
        return False


def remove(path):
    """Remove a file; return whether there was one."""
    try:
        os.remove(path)
        return True
    except OSError:
        return False


def sha256(path):
    """Return the file's hash in hex, or None if there is no such file."""
    digest = hashlib.sha256()
    buf = bytearray(512)
    view = memoryview(buf)
    try:
        with open(path, "rb") as file:
            while True:
                size = file.readinto(buf)
                if not size:
                    return binascii.hexlify(digest.digest()).decode()
                digest.update(view[:size])
    except OSError:
        return None
