"""The ways out of the chip: files kept on the host, and the wire to the supervisor.

The wire is an inherited socket that carries one JSON object per line. From the chip:

    {"up": true}                            it runs and has its flash; boot.py comes next
    {"reset": "soft", "raw": bool}          start again; raw: into the raw REPL, without main.py
    {"reset": "hard", "interrupted": bool}  interrupted: by a Ctrl-C that found no program
    {"reset": "sleep", "ms": int or null, "interrupted": bool}
                                            start again after ms, or never by itself
    {"wdt_ms": int}                         a watchdog is armed: without "feed" for so long, reset
    {"feed": true}

To the chip, whenever something changes:

    {"adc_mv": {"34": 1950}, "air": {"ssid", "password", "state", "rssi"}}

The first message is there before the chip starts and has these keys besides:

    dir, run    folders: what a power cut leaves (flash, NVS), what only a reset leaves
    lib         folder of the libraries that count as frozen, with those in frozen/
    unique_id   12 hex digits
    cause       machine.reset_cause()
    raw         begin in the raw REPL, without main.py
    dns         address of the name server the network offers
    clock_is_shifted    whether the host's clock as seen here is the chip's already
"""

import json
import os
import time

import vfs

from _chip import libc, signals, tty

_exit = libc.function("v", "_exit", "i")
_prctl = libc.function("i", "prctl", "illll")
_rename = libc.function("i", "rename", "ss")
_read = libc.function("i", "read", "ipI")

_PR_SET_PDEATHSIG = 1
_SIGKILL = 9
_EINTR = 4
_FULL_WAIT_MS = 1
_TAKEN_BYTES = 4096


class Wire:
    def __init__(self, fd):
        self._file = open(fd, "r+b")  # noqa: SIM115  # for as long as the chip runs
        self._buffer = bytearray(_TAKEN_BYTES)
        self._rest = b""
        self._listeners = []
        self.latest = None

    def listen(self, on_message):
        """Call on_message(dict) with the latest message, and with each one to come."""
        self._listeners.append(on_message)
        on_message(self.latest)

    def send(self, message):
        """Hand a dict, or a line that is ready, to the supervisor."""
        line = message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n"
        signals.hold()
        while line:
            done = self._file.write(line)
            if done is None:
                time.sleep_ms(_FULL_WAIT_MS)
            else:
                line = line[done:]
        signals.release()

    def receive(self):
        """Take in whatever the supervisor has said by now, each message in its turn."""
        # Looked for every ms that a program waits: what that leaves to the garbage collection,
        # a buffer or the frame of a larger function, would keep it busy for a quarter of the time.
        signals.hold()
        count = self._file.readinto(self._buffer)
        if count is not None:
            self._take(count)
        signals.release()

    def _take(self, count):
        if not count:
            _exit(1)
        data = self._rest + bytes(memoryview(self._buffer)[:count])
        *lines, self._rest = data.split(b"\n")
        for line in lines:
            self.latest = json.loads(line)
            for on_message in self._listeners:
                on_message(self.latest)


class Folder:
    """A folder of the host, reachable whatever the chip has mounted."""

    def __init__(self, path):
        self._path = path
        self._vfs = vfs.VfsPosix(path)

    def open(self, name, mode):
        return self._vfs.open("/" + name, mode)

    def read(self, name):
        """Return the bytes of a file, b"" if there is none."""
        try:
            with self.open(name, "rb") as file:
                return file.read()
        except OSError:
            return b""

    def replace(self, name, data):
        """Write a file so that it is always the old or the new one, whole."""
        signals.hold()
        try:
            with self.open(name + ".new", "wb") as file:
                file.write(data)
            # Not VfsPosix.rename(): below a root it makes one path of both.
            path = self._path + "/" + name
            if _rename(path + ".new", path):
                raise OSError(os.errno())
        finally:
            signals.release()


def attach():
    """End at once when the supervisor does."""
    _prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)


def read_stdin(buf, size):
    """Wait for input; return how many bytes of buf it filled, at least 1.

    Scheduled callbacks run while it waits: a signal breaks the read off.
    """
    while True:
        count = _read(0, buf, size)
        if count > 0:
            return count
        if count == 0 or os.errno() != _EINTR:
            _exit(1)


def read_byte():
    """Wait for one byte of input and return it."""
    read_stdin(_byte, 1)
    return bytes(_byte)


def leave(message):
    """Tell the supervisor how to go on, and end this interpreter.

    A Ctrl-C that comes now is for the next interpreter: the supervisor hands on one that was
    taken in, and one that is left in the terminal. Returns in no other way than by the
    KeyboardInterrupt that was on its way before.
    """
    signals.hold()
    try:
        tty.set_interrupts(False)
        message["interrupted"] = signals.is_interrupted()
        wire.send(message)
        exit_now()
    finally:
        tty.set_interrupts(True)
        signals.release()


def exit_now():
    _exit(0)


def connect(fd):
    """Open the wire and the two folders; return the first message.

    They are wire, board_dir and run_dir from then on.
    """
    global wire, board_dir, run_dir
    wire = Wire(fd)
    wire.receive()
    board_dir = Folder(wire.latest["dir"])
    run_dir = Folder(wire.latest["run"])
    return wire.latest


_byte = bytearray(1)
wire = board_dir = run_dir = None
