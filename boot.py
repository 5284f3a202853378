"""Runs first on every start: import order, hold, and the account of starts that went wrong.

The stock order begins with the root folder, where a stray file hides a module of the firmware.
A hold (NVS, seconds) is set by the host while it works on the board: neither agent nor watchdog
start, and when the time is up the board starts as usual, whatever became of the host.

The account is kept here, where nothing of the agent is loaded yet that may be what is wrong, and
where it takes no memory from it. NVS counts the starts that ended in an unplanned reset within a
minute, "starts"; a power switch, a wake, a planned reset and a soft one are none of them.
"""

import sys

# So many starts in a row that went wrong, and the agent is not started any more.
_MOST_STARTS = 6

# Nothing but what is built in or frozen has a say in here.
sys.path[:] = [".frozen"]


def _hold_s():
    import esp32

    try:
        return esp32.NVS("ways").get_i32("hold")
    except OSError:
        return 0


def _release(_timer):
    import esp32
    import machine

    nvs = esp32.NVS("ways")
    nvs.erase_key("hold")
    nvs.commit()
    machine.reset()


def _mark():
    """Note in RTC memory that a run begins; return how the last one meant to end, None = unknown.

    The layout is that of firmware/retained.py. Where there is nothing yet, our mark holds the
    place; that module takes it for nothing.
    """
    import binascii
    import struct

    import machine

    rtc = machine.RTC()
    data = bytearray(rtc.memory())
    check = struct.pack("<I", binascii.crc32(data[:32]))
    ended = data[28] if data[:3] == b"WRM" and data[32:36] == check else None
    if ended is None:
        data = bytearray(b"WRM0" + bytes(32))
    data[28] = 0
    data[32:36] = struct.pack("<I", binascii.crc32(data[:32]))
    rtc.memory(data)
    return ended


def _look_back():
    """Return (how the last run meant to end, how many starts in a row have gone wrong)."""
    import esp32
    import machine

    nvs = esp32.NVS("ways")
    try:
        starts = nvs.get_i32("starts")
    except OSError:
        starts = 0
    cause = machine.reset_cause()
    if cause == machine.SOFT_RESET:  # somebody is at the REPL: nothing has ended
        return None, starts
    ended = _mark()
    before = starts
    is_unplanned = cause in (machine.HARD_RESET, machine.WDT_RESET)
    if cause == machine.DEEPSLEEP_RESET:  # that was a good run, however short
        starts = 0
    # 0 and 3: it ran or had failed, and that within the first minute.
    elif is_unplanned and ended in (0, 3) and starts < _MOST_STARTS:
        starts += 1
    if starts != before:
        nvs.set_i32("starts", starts)
        nvs.commit()
    return ended, starts


def safe_mode():
    """Let the device be reached and repaired with as little as that takes."""
    places = [place for place in sys.path if place.strip("/")]
    # Past the package, which may be what is broken, and past files that hide built-in modules.
    sys.path[:] = [place + "/firmware" for place in places] + places
    try:
        import safemode  # pyright: ignore[reportMissingImports]

        safemode.run()
    except Exception as exc:  # then there is nothing better than to try once more
        sys.print_exception(exc)
    sys.path[:] = places + ["/"]


hold_s = _hold_s()
ended, starts = None, 0
if hold_s > 0:
    import machine

    machine.Timer(0).init(mode=machine.Timer.ONE_SHOT, period=hold_s * 1000, callback=_release)
    print("held for %d s: the agent does not start" % hold_s)
else:
    try:
        ended, starts = _look_back()
    except Exception as exc:  # main.py does not run after a boot.py that failed
        sys.print_exception(exc)
    del _hold_s, _release, _mark, _look_back
# It is for main.py, which begins with it, as soon as there is need.
if starts < _MOST_STARTS:
    del safe_mode
sys.path[:] = [".frozen", "/lib", "/"]
