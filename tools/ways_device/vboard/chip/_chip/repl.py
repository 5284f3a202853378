"""The boot scripts, then the REPL a person talks to, as the ESP32 port runs them."""

from _chip import host, program, raw, signals, system, tty

_CTRL_A, _CTRL_B, _CTRL_C, _CTRL_D, _CTRL_E = b"\x01", b"\x02", b"\x03", b"\x04", b"\x05"
_BACKSPACES = b"\x08\x7f"
_COMPOUND = (b"async", b"class", b"def", b"for", b"if", b"try", b"while", b"with")


def run(user_globals, is_raw, mount_failed):
    """Run boot.py and main.py, then whatever comes over the line. Does not return.

    mount_failed: None, or what runs instead of the scripts when there is no file system.
    """
    program.names = user_globals

    def boot():
        signals.admit()
        if mount_failed:
            mount_failed()
            return
        program.run_file("boot.py")
        if not is_raw:
            program.run_file("main.py")

    # All of it is one program: a Ctrl-C between the two scripts must not wait behind main.py.
    program.report(program.execute(boot), is_raw)
    while True:
        is_raw = raw.serve() if is_raw else _friendly()


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
            program.soft_reset(False)
        elif line == _CTRL_E:
            program.report(program.execute_source(_read_paste(), "exec", b"\r\n"), False)
        else:
            source = _read_block(line)
            if source:
                program.report(program.execute_source(source, "single", b"\r\n"), False)
            else:
                tty.write(b"\r\n")


def _read_line():
    """Return a line without its end, or the control character that came first in it.

    The end is not echoed yet: a program must be ready for Ctrl-C before the host sees it start.
    """
    line = b""
    while True:
        char = host.read_byte()
        if char in b"\r\n":
            return line
        if char == _CTRL_C or (not line and char < b"\x06"):
            return char
        if char in _BACKSPACES:
            if line:
                line = line[:-1]
                tty.write(b"\x08 \x08")
        elif char >= b" " or char == b"\t":
            line += char
            tty.write(char)


def _read_block(line):
    """Return line and, if it opens a block, what follows up to an empty line.

    Returns nothing if there is nothing to run: for an empty line, or after Ctrl-C.
    """
    if line == _CTRL_C or not line.strip():
        return b""
    source = line
    opens = line.rstrip().endswith(b":") or line.split()[0].rstrip(b":") in _COMPOUND
    if not opens and not line.startswith(b"@"):
        return source
    while True:
        tty.write(b"\r\n... ")
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
        char = host.read_byte()
        if char in (_CTRL_C, _CTRL_D):
            return source if char == _CTRL_D else b""
        if char == b"\r":
            char = b"\n"
            tty.write(b"\r\n=== ")
        else:
            tty.write(char)
        source += char
