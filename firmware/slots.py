"""The identity's slots as bytes: looked at, and written one copy after the other."""

from firmware import identity
from firmware.errors import CorruptError
from firmware.files import replace


def copies(board, slot):
    """Return the slot's copies in the file system and in NVS, b"" where there is none."""
    return [bytes(read(board, slot)) for read in (identity.read_file, identity.read_nvs)]


def slot_of(board, generation):
    """Return the slot that holds the identity of this generation."""
    for slot in identity.SLOTS:
        for data in copies(board, slot):
            try:
                if identity.unpack(data).generation == generation:
                    return slot
            except CorruptError:
                continue
    return 0


def write(board, slot, data):
    """Have both copies of a slot hold data; return whether they do. Raises OSError.

    One after the other: each is whole before the other is touched, so that a power cut at any
    moment leaves a valid one.
    """
    if copies(board, slot) != [data, data]:
        replace(identity.file_path(board.root, slot), data)
        board.nvs.set_blob(identity.nvs_key(slot), data)
    return copies(board, slot) == [data, data]
