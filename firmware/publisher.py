"""Sends what waits: birth first, then events, then readings, the live lane before the backlog.

The publisher is the owner of all its messages (see mqtt.py). A reference to one is a tuple:

    (kind, which, part)     kind is a lane of the store, or one of the names below
    which                   reading: its number, counted by the lane; event: the _Event
    part                    which of the topics that take readings
"""

import asyncio

from firmware import codec
from firmware.budget import Budget
from firmware.errors import CorruptError, RejectedError
from firmware.store import HEADER_SIZE, LANES, header

EVENT = 10
STATUS = 11
ATTRIBUTES = 12

_MAX_EVENTS = 16
_LOOK_MS = 60_000


class _Event:
    def __init__(self, text):
        self.text = text
        self.is_sent = False


class _Lane:
    """What is on the way in one lane of the store."""

    def __init__(self, kind):
        self.kind = kind
        self.first = 0  # the number of the oldest reading that is on the way
        self.open = []  # from it on: how many messages of each are not acknowledged
        self.part = None  # the next part of the newest one; None when all of it is sent

    def rewind(self):
        self.open.clear()
        self.part = None


class Publisher:
    def __init__(self, session, store, reading, topics, status, clock, log, ready, budget_per_min,
                 with_sequence):  # fmt: skip
        """reading is the publisher's own: a record is unpacked into it to be sent.

        ready           Event, set by session and store; cleared here only
        budget_per_min  messages, 0 = no limit
        with_sequence   send boot and seq with each reading
        """
        self._session = session
        self._store = store
        self._reading = reading
        self._topics = topics
        self._status = status
        self._clock = clock
        self._log = log
        self._ready = ready
        self._with_sequence = with_sequence
        self._record = memoryview(bytearray(320))
        self._lanes = [_Lane(kind) for kind in LANES]
        self._events = []
        self._born_in = 0  # the login in which attributes and status were told
        self._budget = Budget(budget_per_min, clock)

    def add_event(self, event_type, metadata):
        """Have an event sent as soon as there is a session. The oldest of too many is lost."""
        if len(self._events) >= _MAX_EVENTS:
            waiting = [event for event in self._events if not event.is_sent]
            if waiting:
                self._events.remove(waiting[0])
                self._log.warn("event_lost", count=1)
        text = codec.event(event_type, self._clock.now_s(), metadata)
        self._events.append(_Event(text.encode()))
        self._ready.set()

    async def run(self):
        """Send as much as the window and the budget take, then wait for either."""
        session = self._session
        while True:
            self._ready.clear()
            wait_ms = 0
            while session.has_room:
                wait_ms = self._budget.wait_ms()
                if wait_ms or not self._send_next():
                    break
                self._budget.spend()
            if wait_ms:
                await self._clock.sleep_ms(wait_ms)
                continue
            try:
                # A status falls due by time alone, however rare the readings are.
                await asyncio.wait_for_ms(self._ready.wait(), _LOOK_MS)
            except asyncio.TimeoutError:
                pass

    # As the owner of messages.

    def acked(self, ref):
        kind, which, _ = ref
        if kind == EVENT:
            if which in self._events:
                self._events.remove(which)
        elif kind in LANES:
            lane = self._lanes[kind]
            lane.open[which - lane.first] -= 1
            self._settle(lane)

    def message(self, ref):
        kind, which, part = ref
        if kind == EVENT:
            return self._topics.events, which.text, False
        if kind == STATUS:
            return self._topics.status, self._status.document(), True
        if kind == ATTRIBUTES:
            return self._topics.attributes, self._status.attributes(), True
        self._load(kind, which - self._lanes[kind].first)
        return self._topics.parts[part][0], self._encode(part), False

    def rewind(self):
        for lane in self._lanes:
            self._store.rewind(lane.kind)
            lane.rewind()
        for event in self._events:
            event.is_sent = False

    # What comes next.

    def _send_next(self):
        """Send one message; return False if nothing waits."""
        if self._born_in != self._session.logins:
            self._born_in = self._session.logins
            self._status.forget()
            return self._put((ATTRIBUTES, 0, 0))
        if self._status.is_due():
            return self._put((STATUS, 0, 0))
        drop = self._store.take_drop()
        if drop:
            self.add_event("readings_dropped", drop)
        for event in self._events:
            if not event.is_sent:
                event.is_sent = self._put((EVENT, event, 0))
                if not event.is_sent:
                    self._events.remove(event)
                return True
        return any(self._send_reading(lane) for lane in self._lanes)

    def _send_reading(self, lane):
        """Send the next part of a lane's readings; return False if there is none."""
        kind = lane.kind
        if lane.part is None:
            if not self._load(kind, len(lane.open)):
                return False
            lane.open.append(0)
            lane.part = 0
        else:
            self._load(kind, len(lane.open) - 1)
        part = lane.part
        lane.part = part + 1 if part + 1 < len(self._topics.parts) else None
        text = self._encode(part)
        if text is not None:
            which = lane.first + len(lane.open) - 1
            topic = self._topics.parts[part][0]
            if self._try(topic, text, False, (kind, which, part)):
                lane.open[-1] += 1
        self._settle(lane)
        return True

    def _settle(self, lane):
        """Let the store forget the oldest readings of which all parts are acknowledged."""
        while lane.open and not lane.open[0] and (len(lane.open) > 1 or lane.part is None):
            lane.open.pop(0)
            lane.first += 1
            self._store.ack(lane.kind, 1)

    def _put(self, ref):
        topic, text, retain = self.message(ref)
        return self._try(topic, text, retain, ref)

    def _try(self, topic, text, retain, ref):
        """Send; return False for a message that can never be sent. There is room: see run()."""
        try:
            return self._session.try_publish(topic, text, retain, self, ref)
        except RejectedError as exc:
            self._log.error("message_rejected", topic=topic.decode(), why=exc)
            return False

    def _load(self, kind, skip):
        """Unpack one record of a lane into the reading; return False if there is none."""
        if not self._store.peek_into(self._record, kind, skip):
            return False
        size, self._boot, self._seq = header(self._record)
        try:
            self._reading.unpack(self._record[HEADER_SIZE:size])
        except CorruptError as exc:
            self._reading.clear()
            self._log.error("record_skipped", boot=self._boot, seq=self._seq, why=exc)
        return True

    def _encode(self, part):
        """Return the JSON of the loaded reading for one topic, None if it has no such value."""
        reading = self._reading
        epoch_s = self._clock.epoch_s(reading.stamp, reading.time_known, self._boot)
        boot, seq = (self._boot, self._seq) if self._with_sequence else (None, None)
        text = codec.telemetry(reading, self._topics.parts[part][1], epoch_s, boot, seq)
        return text and text.encode()
