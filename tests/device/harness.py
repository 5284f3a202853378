"""What a device test may ask of the collector."""

import os


class Skip(Exception):  # noqa: N818 - it is not an error
    """Raised by a test that cannot run here. Its text says why, and is shown."""


def scratch():
    """Return the path of an empty folder of this test alone, removed after it."""
    return os.getenv("SCRATCH")
