"""Ctrl-C and alarms. The handlers run Python inside a signal: they may not allocate.

On the chip an interrupt is raised between two bytecodes. The unix port raises it wherever the
signal hits, which must not be in the midst of a garbage collection or of a file operation: then
it is put off.
"""

import array
import time

import ffi
import micropython
from micropython import const

from _chip import heap, libc

_SIGINT = const(2)
_SIGALRM = const(14)
_ITIMER_REAL = const(0)
_SIG_UNBLOCK = const(1)
_RETRY_US = const(1000)
# How long littlefs is taken to be still at work after its last access to the flash; and for
# how many retries a program that writes without a pause may put an interrupt off.
_FLASH_BUSY_US = const(300)
_MAX_RETRIES = const(300)

_signal = libc.function("l", "signal", "iC")
_siginterrupt = libc.function("i", "siginterrupt", "ii")
_setitimer = libc.function("i", "setitimer", "iPp")
_sigprocmask = libc.function("i", "sigprocmask", "iPp")
_schedule = micropython.schedule
_heap_is_busy = heap.is_busy
_ticks_us = time.ticks_us
_ticks_diff = time.ticks_diff

# A Ctrl-C came and was not raised yet; its exception is set and was not raised yet.
_interrupt_wanted = False
_interrupt_pending = False
_retries = 0
_alarm_pending = False
_raise_interrupt = None
_on_alarm = None
# How many pieces of code run that an interrupt would leave half done.
_holds = 0
_flash_used_us = 0
# struct itimerval: interval s, us; value s, us
_itimer = array.array("l", (0, 0, 0, 0))
_retry_itimer = array.array("l", (0, 0, 0, _RETRY_US))


def hold():
    """Put interrupts off until release()."""
    global _holds
    _holds += 1


def release():
    global _holds
    _holds -= 1


def release_flash():
    """As release(), at the end of one of littlefs's accesses: more may follow."""
    global _holds, _flash_used_us
    _flash_used_us = _ticks_us()
    _holds -= 1


def _must_wait():
    if _holds or _heap_is_busy():
        return True
    return _retries < _MAX_RETRIES and _ticks_diff(_ticks_us(), _flash_used_us) < _FLASH_BUSY_US


def _try_interrupt():
    global _interrupt_wanted, _interrupt_pending, _retries
    if _interrupt_pending:
        return
    # Again if it cannot be now; and if it can, one more time for the alarm that stood there.
    _setitimer(_ITIMER_REAL, _retry_itimer, None)
    if _must_wait():
        _retries += 1
        return
    _interrupt_wanted = False
    _retries = 0
    # Many builds raise from in here. The others set the exception, and end the process if told
    # to do so again before it was raised; hosts like to send Ctrl-C twice.
    _raise_interrupt(_SIGINT)
    _interrupt_pending = True
    try:
        _schedule(_interrupt_raised, 0)
    except RuntimeError:
        _interrupt_pending = False


def _interrupt_raised(_):
    global _interrupt_pending
    _interrupt_pending = False


def _interrupted(_):
    global _interrupt_wanted
    _interrupt_wanted = True
    _try_interrupt()


def _alarmed(_):
    global _alarm_pending
    if not _alarm_pending:
        _alarm_pending = True
        try:
            _schedule(_alarm, 0)
        except RuntimeError:
            _alarm_pending = False
    if _interrupt_wanted:
        _try_interrupt()


def _alarm(_):
    global _alarm_pending
    _alarm_pending = False
    if _heap_is_busy():
        # A file is being closed by the garbage collection: its access to the flash is Python.
        _setitimer(_ITIMER_REAL, _retry_itimer, None)
        return
    # An interrupt in here would end this callback and not the program.
    hold()
    try:
        _on_alarm()
    finally:
        release()


_interrupted_callback = ffi.callback("v", _interrupted, "i")
_alarmed_callback = ffi.callback("v", _alarmed, "i")


def install(on_alarm):
    """Catch both signals from now on.

    on_alarm() runs between two bytecodes, as callbacks do, with interrupts on hold.
    """
    global _raise_interrupt, _on_alarm
    _on_alarm = on_alarm
    heap.find_counter()
    _raise_interrupt = ffi.func("v", _signal(_SIGINT, _interrupted_callback), "i")
    _signal(_SIGALRM, _alarmed_callback)
    # Blocking calls have to come back, or nothing would run while the REPL waits.
    _siginterrupt(_SIGINT, 1)
    _siginterrupt(_SIGALRM, 1)


def admit():
    """Let Ctrl-C in: the supervisor has kept it out until now. One that waits comes at once."""
    _sigprocmask(_SIG_UNBLOCK, array.array("L", [1 << _SIGINT - 1] + [0] * 31), None)


def set_alarm_ms(delay_ms):
    """Let the alarm go off once after delay_ms, 0: never."""
    if _interrupt_wanted:
        # It goes off every ms until that is done, and once after.
        return
    _itimer[2] = delay_ms // 1000
    _itimer[3] = delay_ms % 1000 * 1000
    _setitimer(_ITIMER_REAL, _itimer, None)


def settle():
    """Let an interrupt that is on its way arrive: raises KeyboardInterrupt if there is one."""
    while _interrupt_wanted or _interrupt_pending:
        time.sleep_ms(1)
