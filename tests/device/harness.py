"""What a device test may ask of the collector."""

import os


def scratch():
    """Return the path of an empty folder of this test alone, removed after it."""
    return os.getenv("SCRATCH")
