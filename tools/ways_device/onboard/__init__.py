"""MicroPython programs that the host runs on a board; they are data here, never imported.

Each defines main(args); common.py goes before it and the call after it. They answer in lines
that start with MARK and go on in JSON, most of them in one.
"""

import json
from importlib.resources import files

MARK = "ways-device:"
# What else a program is made of, before its own text.
_PARTS = {
    "adopt": ("slots",),
    "examine": ("slots",),
    "measure": ("lend",),
    "network": ("slots", "exchange", "broker"),
    "networks": ("slots",),
    "wipe": ("slots",),
}


def program(name: str, args: object) -> str:
    """Return the text of a program with its call; args must be plain JSON values."""
    folder = files(__name__)
    parts = ("common", *_PARTS.get(name, ()), name)
    texts = [folder.joinpath(f"{part}.py").read_text("utf-8") for part in parts]
    return "\n".join(texts) + f"\nmain(json.loads({json.dumps(args)!r}))\n"
