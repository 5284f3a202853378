"""The hardware timers: what machine.Timer needs of them."""

import time

from _chip import signals, system

_armed = {}


def arm(number, period_ms, repeat, callback):
    """Call callback() after period_ms, again and again if repeat. Replaces timer number."""
    period_ms = max(1, period_ms)
    _armed[number] = (time.ticks_add(time.ticks_ms(), period_ms), period_ms, repeat, callback)
    _set_alarm()


def disarm(number):
    _armed.pop(number, None)
    _set_alarm()


def run_due():
    """Call what is due. An exception of a callback is printed and ends nothing."""
    now = time.ticks_ms()
    for number, timer in list(_armed.items()):
        at, period_ms, repeat, callback = timer
        if time.ticks_diff(at, now) > 0 or _armed.get(number) is not timer:
            continue
        if repeat:
            _armed[number] = (time.ticks_add(at, period_ms), period_ms, repeat, callback)
        else:
            del _armed[number]
        try:
            callback()
        except Exception as exc:
            system.print_exception(exc)
    _set_alarm()


def _set_alarm():
    now = time.ticks_ms()
    waits_ms = [time.ticks_diff(timer[0], now) for timer in _armed.values()]
    signals.set_alarm_ms(max(1, min(waits_ms)) if waits_ms else 0)
