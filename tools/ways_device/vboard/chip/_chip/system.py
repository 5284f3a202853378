"""The modules sys, os and micropython as the ESP32 has them."""

import builtins
import collections
import errno as _errno
import io
import os as _os
import sys as _sys

import micropython as _micropython

from _chip import errnos, shim, tty

MACHINE = "Generic ESP32 module with ESP32"
_BUILD = "ESP32_GENERIC"
_MAXSIZE = 0x7FFFFFFF
_CTRL_C = 3
# Every host can do these; the chip cannot.
_NOT_IN_OS = ("errno", "getenv", "putenv", "unsetenv", "system", "sep", "VfsPosix")

# Frames of the virtual board's own code have no place in a traceback of the chip.
_OWN_FRAMES = ('  File "_chip/', '  File "modules/', '  File "run.py"')


class _Binary(io.IOBase):
    """sys.stdout.buffer: bytes arrive as they are."""

    def write(self, *args):
        return tty.write_binary(*args)

    def ioctl(self, request, arg):
        return 0


class _Text(io.IOBase):
    """sys.stdout: a line feed becomes CR LF, which the terminal does while a program runs."""

    buffer = _Binary()

    def write(self, *args):
        return tty.write(*args)

    def ioctl(self, request, arg):
        return 0


def print_exception(exc, file=None):
    """Print as sys.print_exception does, without our own frames and with the chip's errno."""
    text = io.StringIO()
    _sys_print_exception(exc, text)
    lines = [line for line in text.getvalue().split("\n") if not line.startswith(_OWN_FRAMES)]
    if isinstance(exc, OSError) and lines[-2] == "OSError: %s" % exc.errno:
        name = _errno_shim.errorcode.get(exc.errno)
        if name:
            lines[-2] = "OSError: [Errno %d] %s" % (exc.errno, name)
    (file or _stdout).write("\n".join(lines))


def _print_whole(*args, **settings):
    """Print in one write: the interpreter itself would make one of each character it escapes."""
    if "file" in settings:
        _print(*args, **settings)
        return
    text = io.StringIO()
    _print(*args, file=text, **settings)
    _stdout.write(text.getvalue())


def kbd_intr(char):
    """As on the chip; but any character other than Ctrl-C just turns interrupts off."""
    tty.set_interrupts(char == _CTRL_C)


def uname():
    version = _sys.version.split("MicroPython ", 1)[-1]
    release = "%d.%d.%d" % _sys.implementation.version[:3]
    return _Uname("esp32", "esp32", release, version, MACHINE)


def _implementation():
    fields = ("name", "version", "_machine", "_mpy", "_build", "_thread")
    native = _sys.implementation
    return collections.namedtuple("implementation", fields)(
        native.name, native.version, MACHINE, native._mpy, _BUILD, "GIL"
    )


def install():
    """Replace the three modules, and errno."""
    global _errno_shim
    _errno_shim = errnos.install()
    builtins.print = _print_whole
    shim.replace(_micropython, kbd_intr=kbd_intr)
    shim.replace(_os, _NOT_IN_OS, uname=uname, sync=lambda: None, dupterm=lambda *args: None)
    return shim.replace(
        _sys,
        ("atexit",),
        platform="esp32",
        maxsize=_MAXSIZE,
        implementation=_implementation(),
        print_exception=print_exception,
        stdout=_stdout,
        stderr=_stdout,
        argv=[],
    )


_print = builtins.print
_sys_print_exception = _sys.print_exception
_Uname = collections.namedtuple("uname", ("sysname", "nodename", "release", "version", "machine"))
_stdout = _Text()
_errno_shim = _errno
