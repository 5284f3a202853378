"""One run of the chip, played by a small program: what is typed to it reaches it or the next."""

import select
import sys
import time

import pytest

from ways_device.vboard.interpreter import Interpreter

# The mask is inherited: a Ctrl-C waits until the chip is ready for it.
TAKES_AN_INTERRUPT = (
    "import signal; print('taken' if signal.sigtimedwait([signal.SIGINT], 5) else 'lost')"
)
# As a chip that is about to end: Ctrl-C is a character like any other, and nobody reads.
READS_NOTHING = (
    "import sys, termios\n"
    "mode = termios.tcgetattr(0); mode[3] = 0; termios.tcsetattr(0, termios.TCSANOW, mode)\n"
    "print('deaf', flush=True)\n"
    "import socket; socket.socket(fileno=int(sys.argv[2])).recv(1)\n"
)


@pytest.fixture
def chip():
    """Return a function that starts a program as a chip."""
    started = []

    def start(program):
        one = Interpreter([sys.executable, "-c", program], {}, {})
        started.append(one)
        return one

    yield start
    for one in started:
        one.cut()


def heard(chip, words, seconds=20):
    """Read what the chip prints until words have come; tell whether they have."""
    end_s = time.monotonic() + seconds
    data = b""
    while words not in data and (left_s := end_s - time.monotonic()) > 0:
        if select.select([chip.tty], [], [], left_s)[0]:
            data += chip.output()
    return words in data


def test_ctrl_c_right_after_the_start_is_a_signal_to_the_chip(chip):
    one = chip(TAKES_AN_INTERRUPT)
    # Now, before the program can have done anything at all.
    one.type(b"\x03")
    assert heard(one, b"taken")


@pytest.fixture
def ended():
    """Return a function that lets a chip end that reads nothing of what is typed before."""

    def end(typed, typed_late=b""):
        one = Interpreter([sys.executable, "-c", READS_NOTHING], {}, {})
        assert heard(one, b"deaf")
        one.type(typed)
        one.leave()
        one.type(typed_late)
        assert not one.is_blocked
        assert one.end() == 0
        return one

    return end


def test_ctrl_c_that_a_leaving_chip_did_not_take_is_for_the_next(ended):
    assert ended(b"old\r\x03\r\x01").unheard(interrupted=False) == b"\x03\r\x01"
    assert ended(b"old\r\x03", b"\r\x01").unheard(interrupted=False) == b"\x03\r\x01"


def test_ctrl_c_that_a_leaving_chip_took_for_nothing_is_for_the_next(ended):
    assert ended(b"\r\x01").unheard(interrupted=True) == b"\x03\r\x01"


def test_what_is_typed_after_the_farewell_is_for_the_next_and_the_rest_is_lost(ended):
    assert ended(b"old\r\x02").unheard(interrupted=False) == b""
    assert ended(b"old\r\x02", b"new\r").unheard(interrupted=False) == b"new\r"
