"""MicroPython programs that the host runs on a board; they are data here, never imported.

Each defines main(args); common.py goes before it and the call after it. They answer in one
line that starts with MARK and goes on in JSON.
"""

import json
from importlib.resources import files

MARK = "ways-device:"


def program(name: str, args: object) -> str:
    """Return the text of a program with its call; args must be plain JSON values."""
    folder = files(__name__)
    common = folder.joinpath("common.py").read_text("utf-8")
    own = folder.joinpath(f"{name}.py").read_text("utf-8")
    return f"{common}\n{own}\nmain(json.loads({json.dumps(args)!r}))\n"
