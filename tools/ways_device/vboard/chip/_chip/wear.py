"""A record of what flash is asked to do: kept in the run folder, if it has a file of this name.

Each line is `<ms since this start> <what> <where>`, with what one of start (where is the cause),
erase and program (the block), and commit (the namespace of NVS).
"""

import time

from _chip import host

_FILE = "wear"

_file = None
_began_ms = 0


def begin(cause):
    """Go on with the record, if somebody wants one."""
    global _file, _began_ms
    _began_ms = time.ticks_ms()
    try:
        host.run_dir.open(_FILE, "rb").close()
        _file = host.run_dir.open(_FILE, "ab")
    except OSError:
        return
    note("start", cause)


def note(what, where):
    if _file:
        passed_ms = time.ticks_diff(time.ticks_ms(), _began_ms)
        try:
            _file.write(("%d %s %s\n" % (passed_ms, what, where)).encode())
        except MemoryError:  # the garbage collection closes a file: it cannot be told
            pass
