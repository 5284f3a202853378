"""Runs a program as the chip does: with Ctrl-C as an interrupt, and its exception printed."""

from _chip import host, signals, system, tty

# The names of __main__, which boot.py, main.py and what is typed share.
names = None


def run_file(name):
    """Run a script inside of execute(). No file is a script of no lines."""
    try:
        with open(name) as file:
            source = file.read()
    except OSError:
        return
    names["__file__"] = name
    _run(source, name, "exec")


def execute_source(source, kind, words):
    """Compile and run what came over the line, as execute() does."""
    return execute(lambda: _run(str(source, "utf-8"), "<stdin>", kind), words)


def _run(source, name, kind):
    exec(compile(source, name, kind), names)


def report(error, raw):
    """Print the exception that ended a program, if any; SystemExit is a soft reset."""
    if isinstance(error, SystemExit):
        soft_reset(raw)
    if error:
        tty.set_mode(cooked=True, interrupts=False)
        system.print_exception(error)
        tty.set_mode(cooked=False, interrupts=False)


def execute(program, words=b""):
    """Call program() with Ctrl-C as an interrupt; return the exception that ended it, or None.

    words: tell the host that it starts. Whoever has read them can interrupt the program.
    """
    error = None
    try:
        signals.hold()
        tty.set_mode(cooked=False, interrupts=True)
        tty.write(words)
        tty.set_mode(cooked=True, interrupts=True)
        signals.release()
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
