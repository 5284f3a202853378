"""The raw REPL, which hosts speak.

Source: MicroPython documentation, "The MicroPython Interactive Interpreter Mode (aka REPL)".
"""

from _chip import host, program, tty

_CTRL_A, _CTRL_B, _CTRL_C, _CTRL_D, _CTRL_E = b"\x01", b"\x02", b"\x03", b"\x04", b"\x05"
# A quarter of what the terminal can hold: two windows may be on their way.
_PASTE_WINDOW = 1024


def serve():
    """Obey the raw REPL's protocol until the host leaves it; return False then."""
    tty.write(b"raw REPL; CTRL-B to exit\r\n>")
    line = bytearray()
    while True:
        char = host.read_byte()
        if char == _CTRL_B:
            return False
        if char == _CTRL_A:
            if line[:1] == _CTRL_E and len(line) == 2:
                _raw_extension(line[1:])
            else:
                tty.write(b"raw REPL; CTRL-B to exit\r\n")
            tty.write(b">")
            line = bytearray()
        elif char == _CTRL_C:
            line = bytearray()
        elif char == _CTRL_D:
            if not line:
                tty.write(b"OK\r\n")
                program.soft_reset(True)
            _run_raw(line, b"OK")
            tty.write(b">")
            line = bytearray()
        else:
            line += char


def _run_raw(source, words):
    """Say words and run source; end its output and its error with Ctrl-D each.

    SystemExit is a soft reset.
    """
    error = program.execute_source(source, "exec", words)
    tty.write(_CTRL_D)
    if isinstance(error, SystemExit):
        tty.write(_CTRL_D)
    program.report(error, True)
    tty.write(_CTRL_D)


def _raw_extension(command):
    if command != b"A":
        tty.write(b"R\x00")
        return
    window = bytes((_PASTE_WINDOW & 0xFF, _PASTE_WINDOW >> 8))
    tty.write(b"R\x01" + window + b"\x01")
    source = _paste()
    if source is None:
        tty.write(_CTRL_D + _CTRL_D + _CTRL_D)
    else:
        _run_raw(source, _CTRL_D)


def _paste():
    """Take in a program, a window at a time; return it, or None if Ctrl-C ended it."""
    source = bytearray()
    buf = bytearray(_PASTE_WINDOW)
    left = _PASTE_WINDOW
    while True:
        count = host.read_stdin(buf, left)
        # The host sends nothing after the end before it is told, so that nothing is lost here.
        for end in (_CTRL_C, _CTRL_D):
            at = buf.find(end, 0, count)
            if at >= 0:
                return source + buf[:at] if end == _CTRL_D else None
        source += memoryview(buf)[:count]
        left -= count
        if not left:
            tty.write(b"\x01")
            left = _PASTE_WINDOW
