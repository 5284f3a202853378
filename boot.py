"""Runs first on every start: puts the import order right, and honours a hold.

The stock order begins with the root folder, where a stray file hides a module of the firmware.
A hold (NVS, seconds) is set by the host while it works on the board: neither agent nor watchdog
start, and when the time is up the board starts as usual, whatever became of the host.
"""

import sys

sys.path[:] = [".frozen", "/lib", "/"]


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


hold_s = _hold_s()
if hold_s > 0:
    import machine

    machine.Timer(0).init(mode=machine.Timer.ONE_SHOT, period=hold_s * 1000, callback=_release)
    print("held for %d s: the agent does not start" % hold_s)
