"""One connection: when its peer counts as dead, and what its errors are called."""

import errno

from fakes.clock import FakeClock
from firmware import transport, verdict
from firmware.errors import LinkError

S = 1000


class Rig:
    """Asks every 250 ms what is wrong, like the session does."""

    def __init__(self, keepalive_s=60):
        self.clock = FakeClock()
        self.pings = 0
        self.link = transport.Link(64, 64, keepalive_s, self.clock, None, None)
        self.link.put_short = self.ping
        self.link.heard = self.link.told = 0
        self.link._pinged = None

    def ping(self, data):
        assert data == b"\xc0\x00"
        self.pings += 1
        self.link.told = self.clock.now

    def until_fault(self, limit_s, each=lambda: None, since=None):
        """Return (reason, at what s) of the first fault, (None, limit_s) if there is none."""
        while self.clock.now < limit_s * S:
            self.clock.now += 250
            each()
            why = self.link.fault(self.clock.now, since)
            if why:
                return why, self.clock.now / S
        return None, limit_s


def test_a_silent_peer_is_found_within_the_keepalive_with_nothing_to_send():
    rig = Rig()
    why, at_s = rig.until_fault(300)
    assert why == "silent: no PINGRESP" and rig.pings == 1
    assert at_s <= 60


def test_a_peer_that_takes_everything_and_says_nothing_is_found_while_sending():
    rig = Rig()

    def send():
        rig.link.told = rig.clock.now

    why, at_s = rig.until_fault(300, send)
    assert why == "silent: no PINGRESP" and at_s <= 60
    assert Rig().until_fault(300, send, since=0) == ("silent: no PUBACK", 15.25)


def test_a_peer_that_answers_is_never_blamed():
    rig = Rig()

    def answer():
        if rig.pings and rig.link.heard < rig.link.told <= rig.clock.now - 500:
            rig.link.heard = rig.clock.now

    assert rig.until_fault(3600, answer) == (None, 3600)
    assert 60 <= rig.pings <= 125


def test_the_broker_hears_of_us_while_it_talks_and_we_have_nothing_to_say():
    rig = Rig()

    def chatter():
        rig.link.heard = rig.clock.now

    rig.until_fault(600, chatter)
    assert rig.pings >= 600 // 60


def test_a_peer_that_stops_reading_is_found():
    rig = Rig()
    rig.link.unsent = b"something"
    assert rig.until_fault(100) == ("silent: not reading", 15.25)


def test_the_shortest_keepalive_still_leaves_time_for_an_answer():
    why, at_s = Rig(10).until_fault(100)
    assert why == "silent: no PINGRESP" and 10 <= at_s <= 10.5


def test_replies_behind_a_stuck_packet_are_kept_in_order_and_bounded():
    class Stuck:
        wrote = b""
        room = 0

        def write(self, data, at, size):
            taken = bytes(data)[at : at + min(size, self.room)]
            self.wrote += taken
            self.room -= len(taken)
            return len(taken) or None

    faults = []
    link = transport.Link(64, 64, 60, FakeClock(), faults.append, None)
    link._sock, link._later, link._drainer = Stuck(), b"", True
    link.tx[:5] = b"12345"
    link.put(5)
    link.put_short(b"ab")
    link.put_short(b"cd")
    link._sock.room = 3
    assert not link._push() and link._sock.wrote == b"123"
    link._sock.room = 60
    assert link._push() and link._sock.wrote == b"12345abcd" and link.unsent is None
    link._sock.room = 0
    link.put(5)
    for _ in range(100):
        link.put_short(b"\x40\x02\x00\x01")
    assert str(faults[0]) == "silent: not reading" and len(link._later) <= 300


VERDICTS = (
    ("The certificate Common Name (CN) does not match with the expected CN\n", "tls:name"),
    ("The certificate is not correctly signed by the trusted CA\n", "tls:ca"),
    ("The certificate validity has expired\n", "tls:expired"),
    ("The certificate validity starts in the future\n", "tls:clock"),
)


def test_every_way_a_certificate_is_refused_has_its_name():
    for text, name in VERDICTS:
        assert verdict.why(ValueError(text)) == name
        # What versions with an asynchronous handshake and a text for it raise.
        assert verdict.why(OSError(-0x2700, text)) == name
    assert verdict.why(OSError(-0x2700)) == "tls:cert"
    # With several faults the one that only somebody else can put right is told.
    assert verdict.why(ValueError(VERDICTS[2][0] + VERDICTS[0][0])) == "tls:name"
    assert verdict.why(ValueError(VERDICTS[3][0] + VERDICTS[1][0])) == "tls:ca"


def test_the_numbers_of_mbedtls_are_told_from_those_of_the_system():
    assert verdict.why(OSError(-0x7280)) == "tls:eof"
    for code in (-0x7200, -0x7780, -0x7F00, -0x6E00, -29184):
        assert verdict.why(OSError(code)).startswith("tls:proto "), code
    assert verdict.why(OSError(-2)) == "OSError(-2,)"
    assert verdict.why(OSError(-202)) == "OSError(-202,)"
    assert verdict.why(OSError(errno.ECONNRESET)) == "tcp:ECONNRESET"
    assert verdict.why(LinkError("dns:timeout")) == "dns:timeout"
    assert verdict.why(MemoryError("no")) == "MemoryError('no',)"
    assert verdict.why(ValueError("some other")) == "ValueError('some other',)"
    assert verdict.why(AttributeError("no attribute future")).startswith("AttributeError")
    assert verdict.why(Exception()) == "Exception()"


class Newlib:
    """errno as the chip has it: other numbers under the same names."""

    EAGAIN = 11
    ECONNRESET = 104
    ECONNREFUSED = 111
    ETIMEDOUT = 116
    EHOSTUNREACH = 118
    EINPROGRESS = 119


Newlib.errorcode = {getattr(Newlib, name): name for name in dir(Newlib) if name[0] == "E"}


class Connecting:
    """A socket whose connect() ends as a test says."""

    def __init__(self, code):
        self.code = code
        self.is_closed = False

    def __call__(self, *_):
        return self

    def setblocking(self, _):
        pass

    def setsockopt(self, *_):
        raise OSError(109)

    def connect(self, _):
        raise OSError(self.code)

    def close(self):
        self.is_closed = True


def on_the_chip(module):
    """Return a module's names as they are there: the compiler puts this machine's numbers in."""
    with open("firmware/%s.py" % module) as file:
        source = file.read()
    names = {"numbers": Newlib, "__name__": module}
    exec(source.replace("import errno\n", "").replace("errno.", "numbers."), names)
    return names


def opened(code):
    class Net:
        socket = Connecting(code)

        @staticmethod
        def getaddrinfo(address, port):
            return [(0, 0, 0, "", (address, port))]

    names = on_the_chip("transport")
    names["socket"] = Net
    link = names["Link"](64, 64, 60, FakeClock(), None, None)
    try:
        link.open("10.0.0.1", 8883)
    except OSError as exc:
        return on_the_chip("verdict")["why"](exc)
    finally:
        link.close()
        assert Net.socket.is_closed
    return None


def test_the_chips_own_error_numbers_are_understood():
    assert opened(119) is None  # under way, though Linux has another number for it
    assert opened(118) == "tcp:EHOSTUNREACH"
    assert opened(116) == "tcp:ETIMEDOUT"
    assert opened(115) == "OSError(115,)"
