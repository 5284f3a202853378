"""Two fields of the interpreter's own state that programs are not shown: whether the heap is in
use, and the exception that is to be raised at the next bytecode.

Both are found, not known. The state is one structure, sys.modules is in it, and near that is
the part that belongs to the thread (mp_state_thread_t): the counter of the heap's locks, later
the dict of globals and, three words on, the pending exception.
"""

import struct
import sys

import micropython
import uctypes

# Nearer fields are looked at first: the memory beyond the structure need not exist.
_REACH = 1024
_WORD = struct.calcsize("P")
_GLOBALS_WITHIN = 8 * _WORD
_EXCEPTION_AFTER_GLOBALS = 3 * _WORD
_NONE = bytes(_WORD)

_heap_locks = None
_exception = None
# The field is a root of the garbage collection, but only while the exception is pending.
_kept = None


def find_fields():
    """Return whether interrupt() can be used."""
    global _heap_locks, _exception
    address = _find_heap_locks()
    if address is None:
        return False
    _heap_locks = uctypes.bytearray_at(address, 1)
    exception = _find_exception(address)
    if exception is None:
        return False
    _exception = exception
    return _is_raised()


def _find_heap_locks():
    start = id(sys.modules)
    for distance in range(_REACH):
        for address in (start - distance, start + distance):
            if _counts_locks(uctypes.bytearray_at(address, 1)):
                return address
    return None


def _counts_locks(byte):
    before = byte[0]
    micropython.heap_lock()
    once = byte[0]
    micropython.heap_lock()
    twice = byte[0]
    micropython.heap_unlock()
    micropython.heap_unlock()
    return before == 0 and once > 0 and twice == 2 * once


def _find_exception(heap_locks):
    wanted = struct.pack("P", id(globals()))
    first = heap_locks - heap_locks % _WORD
    for offset in range(0, _GLOBALS_WITHIN, _WORD):
        if uctypes.bytearray_at(first + offset, _WORD) == wanted:
            address = first + offset + _EXCEPTION_AFTER_GLOBALS
            field = uctypes.bytearray_at(address, _WORD)
            return field if field == _NONE else None
    return None


def _is_raised():
    """Try it out: tell whether what is put there is raised."""
    try:
        interrupt()
        micropython.schedule(_nothing, None)
        for _ in range(100):
            pass
    except KeyboardInterrupt:
        return True
    _exception[:] = _NONE
    return False


def _nothing(_):
    pass


def is_heap_busy():
    """Tell whether the heap is locked, or being collected. Allocates nothing."""
    return _heap_locks is not None and _heap_locks[0] != 0


def interrupt():
    """Let KeyboardInterrupt be raised at the next bytecode that looks for it."""
    global _kept
    _kept = KeyboardInterrupt()
    _exception[:] = struct.pack("P", id(_kept))


def is_interrupt_pending():
    return _exception is not None and _exception != _NONE
