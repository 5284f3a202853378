"""The serial line: when Ctrl-C interrupts, and when a line feed becomes CR LF.

As on the chip both are so only while a program runs. The supervisor has made the terminal raw
with Ctrl-C as its only special character; here two flags of it are switched.
Source: struct termios of glibc, flags as in <bits/termios.h>.
"""

import sys

from _chip import libc

_OFLAG_AT = 4
_LFLAG_AT = 12
_OPOST_ONLCR = 1 | 4
# Without NOFLSH a Ctrl-C would throw away what was typed or printed before it.
_ISIG_NOFLSH = 1 | 0x80

_tcgetattr = libc.function("i", "tcgetattr", "ip")
_tcsetattr = libc.function("i", "tcsetattr", "iip")
_attr = bytearray(64)
_out = sys.stdout.buffer

write = _out.write


def open_line():
    """Learn the state the supervisor left the terminal in."""
    _tcgetattr(0, _attr)


def set_mode(cooked, interrupts):
    _attr[_OFLAG_AT] = _OPOST_ONLCR if cooked else 0
    _attr[_LFLAG_AT] = _ISIG_NOFLSH if interrupts else 0
    _tcsetattr(0, 0, _attr)


def set_interrupts(on):
    set_mode(_attr[_OFLAG_AT], on)


def write_binary(*args):
    """Write as write() does, but let no byte be changed on the way."""
    cooked = _attr[_OFLAG_AT]
    set_mode(False, _attr[_LFLAG_AT])
    try:
        return _out.write(*args)
    finally:
        set_mode(cooked, _attr[_LFLAG_AT])
