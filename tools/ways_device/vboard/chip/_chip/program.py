"""Runs a program as the chip does: with Ctrl-C as an interrupt, and its exception printed."""

from _chip import host, signals, system, tty

# The names of __main__, which boot.py, main.py and what is typed share.
names = None


def run_file(name, raw):
    """Run a script; return False if an exception ended it. No file is a script of no lines."""
    try:
        with open(name) as file:
            source = file.read()
    except OSError:
        return True
    names["__file__"] = name
    return run_source(source, name, "exec", raw)


def run_source(source, name, kind, raw):
    """Compile and run; print the exception that ends it. Returns True if none did."""

    def program():
        exec(compile(text_of(source), name, kind), names)

    return report(execute(program), raw)


def text_of(source):
    return source if isinstance(source, str) else str(source, "utf-8")


def report(error, raw):
    if isinstance(error, SystemExit):
        soft_reset(raw)
    if error:
        tty.set_mode(cooked=True, interrupts=False)
        system.print_exception(error)
        tty.set_mode(cooked=False, interrupts=False)
    return not error


def execute(program):
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


def soft_reset(raw):
    # The supervisor must know before the host does: it answers the words.
    host.wire.send({"reset": "soft", "raw": raw})
    tty.write(b"MPY: soft reboot\r\n")
    host.exit_now()
