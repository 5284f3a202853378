"""ways-device: the agent that runs on the board."""

import sys

VERSION = "0.1.0"


def unload(name):
    """Forget a module of the agent that is needed now and then only, and what it takes.

    It is loaded anew when it is imported again; who holds it may go on with it.
    """
    full = "firmware." + name
    if full in sys.modules:
        for names, key in ((sys.modules, full), (globals(), name)):
            # A slot of a dict keeps its value when it is deleted, and with it what that holds.
            names[key] = None  # pyright: ignore[reportArgumentType]
            del names[key]
