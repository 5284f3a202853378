"""Runs one test function under MicroPython: run_one.py MODULE FUNCTION.

Exit status 0 passed, 77 skipped with the reason in the last line, anything else failed.
"""

import sys

_SKIPPED = 77


def main(module, function):
    sys.path[:] = [".frozen", ".", "lib", "tests", "tests/device"]
    # Only now: MicroPython's own modules must win over a file of the same name in these folders.
    import asyncio

    from harness import Skip

    try:
        coroutine = getattr(__import__(module), function)()
        if coroutine is not None:
            asyncio.run(coroutine)
    except Skip as reason:
        print(reason)
        sys.exit(_SKIPPED)


main(*sys.argv[1:])
