"""A link cut after every byte, in both directions, by close, reset and silence.

session_cut.py SHARE SHARES SEED: tries each SHARES-th of all cuts, from SHARE on. Half of them
have the next link cut too, somewhere.
"""

import random
import sys

sys.path[:] = [".frozen", ".", "lib", "tests", "tests/proof/device"]

from session_story import KINDS, Session, Story, Tally

from fakes.flaky_socket import CLOSE, DOWN, RESET, SILENCE, UP, Cut

WAYS = (CLOSE, RESET, SILENCE)
# ECONNRESET of all ports, and what else a port calls a link that has gone: its ECONNABORTED,
# ENOTCONN, EPIPE, ETIMEDOUT and EHOSTUNREACH, by the numbers of Linux and of the ESP32.
RESETS = (104, 103, 113, 107, 128, 32, 110, 116, 118)


class Hasty(Session):
    """Planted: a reading counts as delivered once it is with the socket."""

    def try_publish(self, topic, msg, retain, owner, ref):
        if not super().try_publish(topic, msg, retain, Nobody, ref):
            return False
        owner.acked(ref)
        return True


class Nobody:
    @staticmethod
    def message(ref):
        return b"d/telemetry", b'{"n":%d,"v":21.5}' % ref, False

    @staticmethod
    def acked(ref):
        pass

    @staticmethod
    def rewind():
        pass


def lengths(kind):
    """Return how many bytes go up and down on the only link of a story without a fault."""
    story = Story(*kind)
    wrong = story.tell()
    assert not wrong, wrong
    return {UP: story.net.socks[0].up, DOWN: story.net.socks[0].down}


def plan(kind):
    """Yield each way to cut a link of this kind of story."""
    for direction, size in sorted(lengths(kind).items()):
        for offset in range(size + 1):
            for way in WAYS:
                yield direction, offset, way


def play(kind, cuts, session=Session):
    story = Story(*kind, session=session)
    story.net.cuts = list(cuts)
    wrong = story.tell()
    if not cuts[0].is_made:
        wrong.append("there was no such byte")
    return wrong


def sweep(kinds, share, shares, rng, tally, session=Session):
    number = 0
    for kind in kinds:
        for direction, offset, way in plan(kind):
            number += 1
            if number % shares != share or tally.is_over:
                continue
            cuts = [Cut(direction, offset, way, RESETS[offset % len(RESETS)])]
            name = "%s %s after %d bytes %s" % (kind, way, offset, direction)
            if rng.randrange(2):
                again = rng.choice((UP, DOWN)), rng.randrange(250), rng.choice(WAYS)
                cuts.append(Cut(*again))
                name += ", then %s %d %s" % again
            tally.add(name, play(kind, cuts, session))


def planted(share, shares):
    """Return whether a session with a fault is found out."""
    tally = Tally(1)
    sweep([(False, False, 0)], share, shares, random, tally, Hasty)
    return tally.failed > 0


def main(share, shares, seed):
    random.seed(seed)
    tally = Tally()
    sweep(KINDS, share, shares, random, tally)
    tally.tell(planted(0, 20))


if __name__ == "__main__":
    main(*[int(argument) for argument in sys.argv[1:]])
