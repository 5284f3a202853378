"""The chip's error numbers. They are newlib's, and some are not those of Linux.

One thing cannot be had: in source that is compiled here the compiler itself puts Linux's number
for `errno.NAME`. `from errno import NAME` and what mpy-cross has compiled have the chip's.

Source: newlib, sys/errno.h.
"""

import errno

from _chip import shim

# name: (Linux, newlib), where the two differ
_DIFFERENT = {
    "ENOTSOCK": (88, 108),
    "EDESTADDRREQ": (89, 121),
    "EMSGSIZE": (90, 122),
    "ENOPROTOOPT": (92, 109),
    "EPROTONOSUPPORT": (93, 123),
    "EAFNOSUPPORT": (97, 106),
    "EADDRINUSE": (98, 112),
    "EADDRNOTAVAIL": (99, 125),
    "ENETDOWN": (100, 115),
    "ENETUNREACH": (101, 114),
    "ECONNABORTED": (103, 113),
    "EISCONN": (106, 127),
    "ENOTCONN": (107, 128),
    "ETIMEDOUT": (110, 116),
    "EHOSTUNREACH": (113, 118),
    "EALREADY": (114, 120),
    "EINPROGRESS": (115, 119),
}
_FROM_LINUX = dict(_DIFFERENT.values())

EAGAIN = 11
ETIMEDOUT = 116
EHOSTUNREACH = 118
EINPROGRESS = 119


def translate(number):
    """Return the chip's number for one of Linux."""
    return _FROM_LINUX.get(number, number)


def install():
    names = {n: v for n, (_, v) in _DIFFERENT.items() if hasattr(errno, n)}
    codes = {}
    for name in dir(errno):
        if name[0] == "E":
            codes[names.get(name, getattr(errno, name))] = name
    return shim.replace(errno, errorcode=codes, **names)
