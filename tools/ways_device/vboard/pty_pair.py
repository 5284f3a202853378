"""A pair of connected terminals, raw, as both ends of the board's serial line need them."""

import array
import fcntl
import os
import pty
import termios
import tty

# What a raw terminal holds for its reader. More would wait where neither a look nor a flush
# reaches it, so nobody here writes more.
ROOM = 4095

_LFLAG, _CC = 3, 6


def open_raw(interrupts: bool = False) -> tuple[int, int]:
    """Return (master, slave). The master does not block.

    interrupts: Ctrl-C, and no other character, is a signal to the slave's session.
    """
    master, slave = pty.openpty()
    tty.setraw(slave)
    attributes = termios.tcgetattr(slave)
    attributes[_CC][termios.VQUIT] = attributes[_CC][termios.VSUSP] = b"\0"
    if interrupts:
        # Without NOFLSH a Ctrl-C would throw away what was typed or printed before it.
        attributes[_LFLAG] |= termios.ISIG | termios.NOFLSH
    termios.tcsetattr(slave, termios.TCSANOW, attributes)
    os.set_blocking(master, False)
    return master, slave


def put(master: int, data: bytes) -> int:
    """Write as much of data as the terminal takes; return how many bytes that is, maybe 0.

    The kernel hands bytes over in its own time, so there can be less room than unread() says.
    """
    try:
        return os.write(master, data)
    except BlockingIOError:
        return 0


def unread(slave: int) -> int:
    """Return how many bytes wait to be read from the slave."""
    count = array.array("i", [0])
    fcntl.ioctl(slave, termios.FIONREAD, count)
    return count[0]
