from fakes.clock import FakeClock
from firmware.liveness import Liveness

S = 1000


class Link:
    def __init__(self):
        self.is_free = True
        self.heard = self.told = 0


class Rig:
    """Asks every 100 ms what is wrong, like the session does."""

    def __init__(self, keepalive_s=60):
        self.clock = FakeClock()
        self.link = Link()
        self.pings = 0
        self.live = Liveness(self.link, keepalive_s, self.clock.ticks_diff)

    def ping(self):
        self.pings += 1
        self.link.told = self.clock.now

    def until_fault(self, limit_s, each=lambda: None, waiting_since=None):
        """Return (reason, at what s) of the first fault, (None, limit_s) if there is none."""
        while self.clock.now < limit_s * S:
            self.clock.now += 100
            each()
            why = self.live.fault(self.clock.now, waiting_since, self.ping)
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
    assert Rig().until_fault(300, send, waiting_since=0) == ("silent: no PUBACK", 15.1)


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
    rig.link.is_free = False
    assert rig.until_fault(100) == ("silent: not reading", 15.1)


def test_the_shortest_keepalive_still_leaves_time_for_an_answer():
    why, at_s = Rig(10).until_fault(100)
    assert why == "silent: no PINGRESP" and 10 <= at_s <= 10.2
