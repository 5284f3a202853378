"""Files that a power cut leaves whole: the old bytes or the new ones, never a mix or a part."""

import os

from micropython import const

# Files are compared in pieces: reading one whole takes 256 bytes of heap at least.
_PIECE = const(64)


def replace(path, data):
    """Put data in place of the file at path. Raises OSError; the old file is then still there."""
    temporary = path + ".tmp"
    with open(temporary, "wb") as file:
        file.write(data)
        file.flush()
    if not _holds(temporary, data):
        raise OSError(5)
    os.rename(temporary, path)


def make_folder(path):
    """Make a folder, unless it exists; what else keeps it from being there shows at first use."""
    try:
        os.mkdir(path)
    except OSError:
        pass


def copy(source, target):
    """Make target the same as source, unless it is. Raises OSError."""
    with open(source, "rb") as file:
        data = file.read(os.stat(source)[6])
    try:
        if _holds(target, data):
            return
    except OSError:  # there is none yet
        pass
    replace(target, data)


def _holds(path, data):
    """Tell whether this, and nothing else, is in a file."""
    with open(path, "rb") as file:
        for at in range(0, len(data) + 1, _PIECE):
            if file.read(_PIECE) != data[at : at + _PIECE]:
                return False
    return True
