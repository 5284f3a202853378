"""Whether the heap may be used right now: not while it is locked or being collected.

MicroPython does not tell a program that. The lock's counter is a byte near sys.modules, which
both are fields of the interpreter's one state structure; it is found by watching which byte
counts along while the heap is locked twice.
"""

import sys

import micropython
import uctypes

# The structure's fields are at most so far apart. Nearer ones are looked at first, because the
# memory beyond the structure need not exist.
_REACH = 1024

_counter = None


def _is_counter(byte):
    before = byte[0]
    micropython.heap_lock()
    once = byte[0]
    micropython.heap_lock()
    twice = byte[0]
    micropython.heap_unlock()
    micropython.heap_unlock()
    return before == 0 and once > 0 and twice == 2 * once


def find_counter():
    """Find the byte; without it the heap counts as free all the time."""
    global _counter
    start = id(sys.modules)
    for distance in range(_REACH):
        for address in (start - distance, start + distance):
            byte = uctypes.bytearray_at(address, 1)
            if _is_counter(byte):
                _counter = byte
                return


def is_busy():
    """Allocates nothing."""
    return _counter is not None and _counter[0] != 0
