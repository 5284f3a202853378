"""Ctrl-C and alarms: both are raised or called between two bytecodes, as on the chip.

The unix port itself raises KeyboardInterrupt wherever the signal hits, be that in the midst of
an allocation or of a file operation. Here the signal's handler only asks for a callback, and
that sees to the rest.
"""

import array
import time

import ffi
import micropython
from micropython import const

from _chip import libc, vm

_SIGINT = const(2)
_SIGALRM = const(14)
_ITIMER_REAL = const(0)
_SIG_UNBLOCK = const(1)
_RETRY_US = const(1000)

_signal = libc.function("l", "signal", "iC")
_siginterrupt = libc.function("i", "siginterrupt", "ii")
_setitimer = libc.function("i", "setitimer", "iPp")
_sigprocmask = libc.function("i", "sigprocmask", "iPp")
_schedule = micropython.schedule

_is_scheduled = 0
_is_interrupted = False
_on_alarm = None
# How many pieces of code run that an interrupt would leave half done.
_holds = 0
# struct itimerval: interval s, us; value s, us
_itimer = array.array("l", (0, 0, 0, 0))
_retry_itimer = array.array("l", (0, 0, 0, _RETRY_US))


def hold():
    """Put interrupts and alarms off until release()."""
    global _holds
    _holds += 1


def release():
    global _holds
    _holds -= 1


def _ignore(function, argument):
    pass


# The two handlers run inside a signal. They may not allocate: a function with more locals and
# operands than these, or with a try, would get its frame from the heap. They may not jump either,
# as in `if`: at jumps the interpreter runs what is scheduled, and raises what is pending.
_ask = (_schedule, _ignore)


def _interrupted(_):
    global _is_interrupted, _is_scheduled
    _is_interrupted = True
    _ask[_is_scheduled](_run, 0)
    _is_scheduled = 1


def _alarmed(_):
    global _is_scheduled
    _ask[_is_scheduled](_run, 0)
    _is_scheduled = 1


_interrupted_callback = ffi.callback("v", _interrupted, "i")
_alarmed_callback = ffi.callback("v", _alarmed, "i")


def _run(_):
    global _is_scheduled, _is_interrupted
    _is_scheduled = 0
    if _holds or vm.is_heap_busy():
        # This is in the flash's driver, called by littlefs and maybe by the garbage collection.
        _setitimer(_ITIMER_REAL, _retry_itimer, None)
        return
    if not _is_interrupted:
        _on_alarm()
        return
    _is_interrupted = False
    # A blocking call looks for the exception only when it is broken off once more.
    _setitimer(_ITIMER_REAL, _retry_itimer, None)
    # Nothing may follow, not even a jump: the exception would be raised in here.
    vm.interrupt()


def install(on_alarm):
    """Catch both signals from now on. on_alarm() is never interrupted."""
    global _on_alarm
    _on_alarm = on_alarm
    if vm.find_fields():
        _signal(_SIGINT, _interrupted_callback)
        _siginterrupt(_SIGINT, 1)
    _signal(_SIGALRM, _alarmed_callback)
    # Blocking calls have to come back, or nothing would run while the REPL waits.
    _siginterrupt(_SIGALRM, 1)


def admit():
    """Let Ctrl-C in: the supervisor has kept it out until now. One that waits comes at once."""
    _sigprocmask(_SIG_UNBLOCK, array.array("L", [1 << _SIGINT - 1] + [0] * 31), None)


def set_alarm_ms(delay_ms):
    """Let the alarm go off once after delay_ms, 0: never."""
    if _is_interrupted:
        # It goes off in a ms because of that, and then again for this.
        return
    _itimer[2] = delay_ms // 1000
    _itimer[3] = delay_ms % 1000 * 1000
    _setitimer(_ITIMER_REAL, _itimer, None)


def is_interrupted():
    """Tell whether a Ctrl-C has come that has not been raised."""
    return _is_interrupted


def settle():
    """Let an interrupt that is on its way arrive: raises KeyboardInterrupt if there is one."""
    while _is_interrupted or vm.is_interrupt_pending():
        time.sleep_ms(1)
