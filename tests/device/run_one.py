"""Runs one test function under MicroPython: run_one.py MODULE FUNCTION.

Exit status 0 passed, anything else failed.
"""

import sys


def main(module, function):
    sys.path[:] = [".frozen", ".", "lib", "tests", "tests/device"]
    # Only now: MicroPython's own modules must win over a file of the same name in these folders.
    import asyncio

    coroutine = getattr(__import__(module), function)()
    if coroutine is not None:
        asyncio.run(coroutine)


main(*sys.argv[1:])
