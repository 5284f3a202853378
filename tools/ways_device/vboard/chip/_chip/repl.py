"""The boot scripts, then the friendly and the raw REPL, as the ESP32 port runs them.

Source: MicroPython documentation, "The MicroPython Interactive Interpreter Mode (aka REPL)".
"""

from _chip import host, signals, system, tty

_CTRL_A, _CTRL_B, _CTRL_C, _CTRL_D, _CTRL_E = b"\x01", b"\x02", b"\x03", b"\x04", b"\x05"
_BACKSPACES = b"\x08\x7f"
_COMPOUND = (b"async", b"class", b"def", b"for", b"if", b"try", b"while", b"with")
# A quarter of what the terminal can hold: two windows may be on their way.
_PASTE_WINDOW = 1024

_globals = None
_byte = bytearray(1)


def run(user_globals, raw, mount_failed):
    """Run boot.py and main.py, then whatever comes over the line. Does not return.

    mount_failed: None, or what runs instead of the scripts when there is no file system.
    """
    global _globals
    _globals = user_globals
    if mount_failed:
        _report(_execute(signals.admit) or _execute(mount_failed), raw)
    elif _report(_execute(signals.admit), raw) and _run_file("boot.py", raw) and not raw:
        _run_file("main.py", raw)
    while True:
        raw = _raw() if raw else _friendly()


def _soft_reset(raw):
    # The supervisor must know before the host does: it answers the words.
    host.wire.send({"reset": "soft", "raw": raw})
    tty.write(b"MPY: soft reboot\r\n")
    host.exit_now()


def _run_file(name, raw):
    """Run a script; return False if an exception ended it. No file is a script of no lines."""
    try:
        with open(name) as file:
            source = file.read()
    except OSError:
        return True
    _globals["__file__"] = name
    return _run_source(source, name, "exec", raw)


def _run_source(source, name, kind, raw):
    """Compile and run; print the exception that ends it. Returns True if none did."""

    def program():
        exec(compile(_text(source), name, kind), _globals)

    return _report(_execute(program), raw)


def _text(source):
    return source if isinstance(source, str) else str(source, "utf-8")


def _report(error, raw):
    if isinstance(error, SystemExit):
        _soft_reset(raw)
    if error:
        tty.set_mode(cooked=True, interrupts=False)
        system.print_exception(error)
        tty.set_mode(cooked=False, interrupts=False)
    return not error


def _execute(program):
    """Call program() with Ctrl-C as an interrupt; return the exception that ended it, or None."""
    error = None
    try:
        tty.set_mode(cooked=True, interrupts=True)
        program()
    except BaseException as exc:
        error = exc
    # An interrupt can arrive as late as here: take it in, so that the REPL never sees one.
    while True:
        try:
            tty.set_mode(cooked=False, interrupts=False)
            signals.settle()
            return error
        except KeyboardInterrupt as exc:
            error = error or exc


def _read():
    host.read_stdin(_byte, 1)
    return bytes(_byte)


def _raw():
    """Obey the raw REPL's protocol until the host leaves it; return False then."""
    tty.write(b"raw REPL; CTRL-B to exit\r\n>")
    line = bytearray()
    while True:
        char = _read()
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
            tty.write(b"OK")
            if not line:
                tty.write(b"\r\n")
                _soft_reset(True)
            _run_raw(line)
            tty.write(b">")
            line = bytearray()
        else:
            line += char


def _run_raw(source):
    """Run source; end its output and its error with Ctrl-D each."""

    def program():
        exec(compile(_text(source), "<stdin>", "exec"), _globals)

    error = _execute(program)
    if not isinstance(error, SystemExit):
        tty.write(_CTRL_D)
    _report(error, True)
    tty.write(_CTRL_D)


def _raw_extension(command):
    if command != b"A":
        tty.write(b"R\x00")
        return
    window = bytes((_PASTE_WINDOW & 0xFF, _PASTE_WINDOW >> 8))
    tty.write(b"R\x01" + window + b"\x01")
    source = _paste()
    tty.write(_CTRL_D)
    if source is None:
        tty.write(_CTRL_D + _CTRL_D)
    else:
        _run_raw(source)


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


def banner():
    words = "MicroPython %s; %s (virtual board)" % (system.uname().version, system.MACHINE)
    tty.write(b"\r\n" + words.encode() + b'\r\nType "help()" for more information.\r\n')


def _friendly():
    """Talk to a person until the host asks for the raw REPL; return True then."""
    banner()
    while True:
        tty.write(b">>> ")
        line = _read_line()
        if line == _CTRL_A:
            tty.write(b"\r\n")
            return True
        if line == _CTRL_B:
            banner()
        elif line == _CTRL_D:
            tty.write(b"\r\n")
            _soft_reset(False)
        elif line == _CTRL_E:
            _run_source(_read_paste(), "<stdin>", "exec", False)
        elif line != _CTRL_C and line.strip():
            source = _read_block(line)
            if source:
                _run_source(source, "<stdin>", "single", False)


def _read_line():
    """Return a line without its end, or the control character that came first in it."""
    line = b""
    while True:
        char = _read()
        if char in b"\r\n":
            tty.write(b"\r\n")
            return line
        if char == _CTRL_C or (not line and char < b"\x06"):
            if char == _CTRL_C:
                tty.write(b"\r\n")
            return char
        if char in _BACKSPACES:
            if line:
                line = line[:-1]
                tty.write(b"\x08 \x08")
        elif char >= b" " or char == b"\t":
            line += char
            tty.write(char)


def _read_block(line):
    """Return line and, if it opens a block, what follows up to an empty line."""
    source = line
    opens = line.rstrip().endswith(b":") or line.split()[0].rstrip(b":") in _COMPOUND
    if not opens and not line.startswith(b"@"):
        return source
    while True:
        tty.write(b"... ")
        line = _read_line()
        if line == _CTRL_C:
            return b""
        source += b"\n" + line
        if not line.strip():
            return source


def _read_paste():
    """Return what is pasted up to Ctrl-D, nothing after Ctrl-C."""
    tty.write(b"\r\npaste mode; Ctrl-C to cancel, Ctrl-D to finish\r\n=== ")
    source = b""
    while True:
        char = _read()
        if char in (_CTRL_C, _CTRL_D):
            tty.write(b"\r\n")
            return source if char == _CTRL_D else b""
        if char == b"\r":
            char = b"\n"
            tty.write(b"\r\n=== ")
        else:
            tty.write(char)
        source += char
