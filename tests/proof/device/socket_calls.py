"""Any call of a socket, of TLS, of the lookup or of the gate may raise anything.

socket_calls.py SHARE SHARES SEED: tries each SHARES-th of all pairs of a call and an exception.
"""

import random
import sys

sys.path[:] = [".frozen", ".", "lib", "tests", "tests/proof/device"]

from session_story import KINDS, Session, Story, Tally

from fakes.flaky_socket import DOWN, RESET, SILENCE, UP, Cut
from firmware.errors import LinkError

# By number, since that is what a port raises: Linux's and the ESP32's ECONNRESET, ETIMEDOUT,
# EHOSTUNREACH, EINPROGRESS, ENOMEM and ENOBUFS; the resolver's; mbedTLS's.
NUMBERS = (104, 110, 113, 12, 105, 116, 118, 119, 9, 11, -2, -202, -0x7280, -0x7780, -0x2700)
ERRORS = [(number, lambda number=number: OSError(number)) for number in NUMBERS] + [
    ("certificate", lambda: ValueError("The certificate validity starts in the future")),
    ("resolver", lambda: OSError("[addrinfo error -2]")),
    ("tls text", lambda: OSError(-0x7780, "MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE")),
    ("ValueError", ValueError),
    ("IndexError", lambda: IndexError("bytes index out of range")),
    ("MemoryError", lambda: MemoryError("memory allocation failed, allocating 1024 bytes")),
    ("EOFError", EOFError),
    ("OSError", OSError),
]


class Leaky(Session):
    """Planted: a link that ended by an exception of the socket's is not closed."""

    def _fail(self, exc):
        super()._fail(exc)
        if not isinstance(exc, LinkError):
            self.link._sock = None


def calls(kind):
    """Return the names of the calls in a story without a fault, in order."""
    story = Story(*kind)
    wrong = story.tell()
    assert not wrong, wrong
    return story.net.names


def play(kind, number, error, session=Session):
    """Let call number raise error(); return what was wrong then."""
    story = Story(*kind, session=session)
    story.net.raise_at = number
    story.net.error = error
    if number == "close":
        story.net.cuts = [Cut(UP, 300, RESET), Cut(DOWN, 60, SILENCE)]
    wrong = story.tell()
    if number != "close" and story.net.calls < number:
        wrong.append("there was no such call")
    return wrong


def sweep(kinds, share, shares, tally, session=Session):
    at = 0
    for kind in kinds:
        # Each call of the story by its number; and each closing, of links that are lost.
        numbers = list(range(1, len(calls(kind)) + 1)) + ["close"]
        for number in numbers:
            for name, error in ERRORS:
                at += 1
                if at % shares == share and not tally.is_over:
                    what = "%s call %s raises %s" % (kind, number, name)
                    tally.add(what, play(kind, number, error, session))


def planted(share, shares):
    """Return whether a session with a fault is found out."""
    tally = Tally(1)
    sweep([(True, True, 0)], share, shares, tally, Leaky)
    return tally.failed > 0


def main(share, shares, seed):
    random.seed(seed)
    tally = Tally()
    sweep(KINDS, share, shares, tally)
    tally.tell(planted(0, 20))


if __name__ == "__main__":
    main(*[int(argument) for argument in sys.argv[1:]])
