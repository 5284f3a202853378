# type: ignore
"""Judge a settings file with the agent's own code where there is no board.

micropython judge.py AGENT_FOLDER FILE ROOT; the file is removed. ROOT, with a slash at its end, is
what the board's root folder would be. This one runs on the host.
"""

import sys

# What a chip's image has and this computer's MicroPython may lack.
_OF_THE_CHIP = ("machine", "esp32", "network", "dht", "onewire", "ds18x20", "neopixel")


class Anything:
    """Stands for every part of a chip: settings are judged before any of it is touched."""

    def __getattr__(self, name):
        return self

    def __call__(self, *args, **kwargs):
        return self


class Board(Anything):
    root = sys.argv[3]


class BoardModule:
    pass


BoardModule.Board = Board


sys.path[:] = [".frozen", sys.argv[1]]
for name in _OF_THE_CHIP:
    sys.modules[name] = Anything()
sys.modules["firmware.board"] = BoardModule

from firmware import setup  # noqa: E402

setup.check(sys.argv[2])
