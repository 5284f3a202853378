"""The chip's clock: whole seconds since 2000, set by machine.RTC.

How far it is from the host's clock stands in a file. Where a library under this process reads
that file, every clock here is shifted already, the one of the TLS library too; where there is
none, only the module `time` is.
"""

import time as _time

from _chip import host, shim

_EPOCH_2000_S = 946684800
_FILE = "clock"

_shifted_already = True
_offset_s = 0


def _unix_s():
    return _time.time() if _shifted_already else _time.time() + _offset_s


def time():
    return int(_unix_s()) - _EPOCH_2000_S


def time_ns():
    return int(_unix_s() * 1000000) * 1000 - _EPOCH_2000_S * 1000000000


def gmtime(seconds=None):
    if seconds is None:
        seconds = time()
    return _time.gmtime(int(seconds) + _EPOCH_2000_S)[:8]


def mktime(when):
    return int(_time.mktime(tuple(when[:8]) + (0,))) - _EPOCH_2000_S


def now_us():
    """Return the microseconds since 2000 and not rounded, for machine.RTC."""
    return time_ns() // 1000


def set_us(wanted_us):
    """Make it wanted_us microseconds since 2000."""
    global _offset_s
    old_s = float(host.run_dir.read(_FILE))
    _offset_s = old_s + (wanted_us - now_us()) / 1000000
    # Without a sign libfaketime takes it for a date.
    host.run_dir.replace(_FILE, b"%+.6f\n" % _offset_s)


def install(shifted_already):
    global _shifted_already, _offset_s
    _shifted_already = shifted_already
    _offset_s = float(host.run_dir.read(_FILE))
    return shim.replace(
        _time,
        time=time,
        time_ns=time_ns,
        gmtime=gmtime,
        localtime=gmtime,
        mktime=mktime,
    )
