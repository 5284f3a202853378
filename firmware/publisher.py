"""Sends what waits: birth first, then events, then readings, the live lane before the backlog.

The publisher is the owner of all its messages (see mqtt.py). A reference to one is a tuple:

    (kind, which, part)     kind is a lane of the store, or one of the names below
    which                   readings: the number of their group, counted by the lane;
                            event: [its text, whether it is on the way, what to call then]
    part                    which of the topics that take readings
"""

import asyncio

from micropython import const

from firmware import codec
from firmware.budget import Budget
from firmware.errors import RejectedError
from firmware.store import LANES

EVENT = 10
STATUS = 11
ATTRIBUTES = 12
DROP = 13

_MAX_EVENTS = const(16)
_LOOK_MS = 60_000


class _Lane:
    """What is on the way in one lane of the store, in groups: the readings of one message."""

    def __init__(self, kind):
        self.kind = kind
        self.first = 0  # the number of the oldest group that is on the way
        # From it on, of each: [readings, messages that are not acknowledged].
        self.open = []
        self.part = None  # the next part of the newest one; None when all of it is sent

    def before(self, number):
        """Return how many readings are on the way before a group."""
        count = 0
        for group in self.open[: number - self.first]:
            count += group[0]
        return count


class Publisher:
    # Until they change they take no room in the object, which is made when memory is scarcest.
    _drop_sent = False
    _born_in = 0  # the login in which attributes and status were told

    def __init__(
        self, session, store, composer, topics, status, clock, log, ready, budget_per_min
    ):
        """ready is an Event, set by session and store, cleared here only; budget 0 = no limit."""
        self.session = session
        self.store = store
        self.composer = composer
        self.topics = topics
        self.status = status
        self.clock = clock
        self.log = log
        self.ready = ready
        self.lanes = (_Lane(LANES[0]), _Lane(LANES[1]))
        self.events = []
        self.budget = Budget(budget_per_min, clock)

    def add_event(self, event_type, metadata, done=None):
        """Have an event sent as soon as there is a session. The oldest of too many is lost.

        done() is called once the broker has it.
        """
        if len(self.events) >= _MAX_EVENTS:
            for number, event in enumerate(self.events):
                if not event[1]:
                    self.events.pop(number)
                    self.log.warn("event_lost", count=1)
                    break
        text = codec.event(event_type, self.clock.now_s(), metadata)
        self.events.append([text.encode(), False, done])
        self.ready.set()

    async def run(self):
        """Send as much as the window and the budget take, then wait for either."""
        session = self.session
        while True:
            self.ready.clear()
            wait_ms = 0
            while session.has_room:
                wait_ms = self.budget.wait_ms()
                if wait_ms or not self._send_next():
                    break
                self.budget.spend()
            self.clock.alive("publisher", wait_ms + 2 * _LOOK_MS)
            if wait_ms:
                await self.clock.sleep_ms(wait_ms)
                continue
            try:
                # A status falls due by time alone, however rare the readings are.
                await asyncio.wait_for_ms(self.ready.wait(), _LOOK_MS)
            except asyncio.TimeoutError:
                pass

    # As the owner of messages.

    def acked(self, ref):
        kind, which, _ = ref
        if kind == EVENT:
            if which in self.events:
                self.events.remove(which)
                if which[2]:
                    which[2]()
        elif kind == DROP:
            self._drop_sent = False
            self.store.drop_told()
        elif kind in LANES:
            lane = self.lanes[kind]
            lane.open[which - lane.first][1] -= 1
            self._settle(lane)

    def message(self, ref):
        kind, which, part = ref
        if kind == EVENT:
            return self.topics.events, which[0], False
        if kind == DROP:
            drop = self.store.next_drop()
            text = codec.event("readings_dropped", self.clock.now_s(), drop)
            return self.topics.events, text.encode(), False
        if kind == STATUS:
            return self.topics.status, self.status.document(), True
        if kind == ATTRIBUTES:
            return self.topics.attributes, self.status.attributes(), True
        lane = self.lanes[kind]
        count = lane.open[which - lane.first][0]
        text, _ = self.composer.compose(kind, lane.before(which), count, part)
        # There is no text only if flash cannot be read any more, and a message has to be sent.
        return self.topics.parts[part][0], text or b"{}", False

    def rewind(self):
        for lane in self.lanes:
            self.store.rewind(lane.kind)
            lane.open.clear()
            lane.part = None
        for event in self.events:
            event[1] = False
        self._drop_sent = False

    # What comes next.

    def _send_next(self):
        """Send one message; return False if nothing waits."""
        if self._born_in != self.session.logins:
            self._born_in = self.session.logins
            self.status.forget()
            return self._put((ATTRIBUTES, 0, 0))
        if self.status.is_due():
            return self._put((STATUS, 0, 0))
        if not self._drop_sent and self.store.next_drop():
            self._drop_sent = self._put((DROP, 0, 0))
            return self._drop_sent
        for event in self.events:
            if not event[1]:
                event[1] = self._put((EVENT, event, 0))
                if not event[1]:
                    self.events.remove(event)
                return True
        live, backlog = self.lanes
        return self._send_readings(live) or self._send_readings(backlog)

    def _send_readings(self, lane):
        """Send the next part of a lane's readings; return False if there is none."""
        kind = lane.kind
        part = lane.part or 0
        which = lane.first + len(lane.open)
        if lane.part is None:
            text, count = self.composer.compose(kind, lane.before(which), None, 0)
            if not count:
                return False
            lane.open.append([count, 0])
        else:
            which -= 1
            text, _ = self.composer.compose(kind, lane.before(which), lane.open[-1][0], part)
        lane.part = part + 1 if part + 1 < len(self.topics.parts) else None
        if text and self._try(self.topics.parts[part][0], text, False, (kind, which, part)):
            lane.open[-1][1] += 1
        self._settle(lane)
        return True

    def _settle(self, lane):
        """Let the store forget the oldest readings of which all parts are acknowledged."""
        while lane.open and not lane.open[0][1] and (len(lane.open) > 1 or lane.part is None):
            count = lane.open.pop(0)[0]
            lane.first += 1
            self.store.ack(lane.kind, count)

    def _put(self, ref):
        topic, text, retain = self.message(ref)
        return self._try(topic, text, retain, ref)

    def _try(self, topic, text, retain, ref):
        """Send; return False for a message that can never be sent. There is room: see run()."""
        try:
            return self.session.try_publish(topic, text, retain, self, ref)
        except RejectedError as exc:
            self.log.error("message_rejected", topic=topic.decode(), why=exc)
            return False
