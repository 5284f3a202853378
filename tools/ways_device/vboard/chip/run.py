"""Starts the chip side of the virtual board.

argv: the number of the inherited socket, see host.py. The working folder is this file's.
"""

import sys

sys.path[:] = ["", "modules", ".frozen", "frozen"]

import _chip.start  # noqa: E402  # only now can it be found

_chip.start.main(int(sys.argv[1]), globals())
