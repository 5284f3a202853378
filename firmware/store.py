"""Readings on their way: kept from the moment they are taken until the broker has them.

Two lanes. LIVE is the front, the newest readings, in RAM: what the broker acknowledges from
there never touches the flash. BACKLOG is the log in flash: what waits longer than flush_after_s,
or finds the front full, is written there as one group. A power cut takes only the front.

A reading is numbered (boot, seq) when it is appended. Readings leave a lane in order, oldest
first: peek, send, ack. What was peeked and not yet acknowledged is in flight and never dropped.
A flush copies what is in flight in the front too: the log's copy waits until the front's is
acknowledged, and is passed over then, or until rewind() leaves the reading to the log.
"""

import struct

from micropython import const

from firmware.retained import NONE

LIVE = 0
BACKLOG = 1
LANES = (LIVE, BACKLOG)  # in the order they are sent; a lane's number is its place here

# What peek_into() writes before each record: size of both, boot, seq, shape of the datapoints.
_HEADER = const("<HIII")
HEADER_SIZE = 14
_LOOK_MS = 1000
_ALIVE_MS = const(60_000)


def header(view):
    """Return (size with the header, boot, seq, shape) of the record that peek_into() wrote."""
    return struct.unpack_from(_HEADER, view, 0)


class Store:
    def __init__(self, front, flashlog, retained, clock, log, filled, flush_after_s, shape):
        """filled is an Event that append sets; shape tells the datapoints of new readings."""
        self.front = front
        self.flash = flashlog
        self.reader = flashlog.reader
        self.account = flashlog.account
        self.retained = retained
        self.clock = clock
        self.log = log
        self.filled = filled
        self.flush_after_s = flush_after_s
        self.shape = shape
        self._failed_s = None  # when a flush failed last
        self._uncovered = False  # the log has given up a copy of what is in flight here
        self._dropped = None  # first seq of this boot whose drop is not in flash yet
        self.lost = NONE  # first that the last run lost, until the platform knows
        flashlog.is_loss = self._is_loss
        self.points = self.reader.points
        self.next_drop = self.account.next_drop

    @property
    def boot(self):
        return self.retained.boot

    def opened_told(self):
        """The platform knows of what stock.take() returned."""
        self.lost = NONE
        self._retain()

    def append(self, record):
        """Take one record and return its seq."""
        retained = self.retained
        seq = retained.next_seq
        retained.next_seq = seq + 1
        if not self._put(seq, record):
            if self._may_flush():
                self.flush("full")
            if not self._put(seq, record) and not self._make_way(seq, record):
                self._drop(seq)
        self._retain()
        self.filled.set()
        return seq

    def _put(self, seq, record):
        return self.front.append(self.clock.uptime_ms() // 1000, seq, record)

    def _make_way(self, seq, record):
        """Keep a reading though flash did not relieve the front; return False if it cannot be."""
        front = self.front
        if front.copied == front.count:  # all of it is in flight, and in the log
            try:
                return self.flash.append(self.retained.boot, lambda _: (seq, record), 0, 1)
            except OSError:
                return False
        while self.flash.drops_oldest and front.in_flight < front.count:
            self._drop(front.at(front.in_flight)[0])
            front.remove(front.in_flight, 1)
            if self._put(seq, record):
                return True
        return False

    def _drop(self, seq):
        self.account.drop(self.retained.boot, seq, seq, 1, "full")
        if self._dropped is None:
            self._dropped = seq
            self.log.warn("reading_dropped", boot=self.retained.boot, reason="full", seq=seq)

    def _may_flush(self):
        """Tell whether flash is worth a try: what did not take a group is not asked at once."""
        now_s = self.clock.uptime_ms() // 1000
        return self._failed_s is None or now_s - self._failed_s >= self.flush_after_s

    def peek_into(self, view, lane, skip):
        """Write the record of a lane that comes after the oldest skip ones into view.

        view    memoryview of at least HEADER_SIZE + 255 bytes; the header comes first
        skip    those in flight already; the one that is written counts as in flight too
        Returns the number of records written, 1 or 0.
        """
        size = self._peek_log(view, skip) if lane else self._peek_front(view, skip)
        return 1 if size else 0

    def _peek_front(self, view, skip):
        front = self.front
        if skip >= front.count:
            return 0
        seq, record = front.at(skip)
        size = HEADER_SIZE + len(record)
        struct.pack_into(_HEADER, view, 0, size, self.retained.boot, seq, self.shape)
        view[HEADER_SIZE:size] = record
        front.in_flight = max(front.in_flight, skip + 1)
        return size

    def _peek_log(self, view, skip):
        log, reader = self.flash, self.reader
        end = log.peek(skip, self._is_done)
        if end is None:
            if not skip:  # nothing waits, and nothing is in flight
                self.front.done.clear()
                self._quietly(log.clear)
            return 0
        if reader.boot == self.retained.boot and self.front.has_copy(reader.seq):
            return 0  # what becomes of it is for the live lane to tell
        log.take(skip, end)
        size = HEADER_SIZE + reader.record_into(view[HEADER_SIZE:])
        struct.pack_into(_HEADER, view, 0, size, reader.boot, reader.seq, reader.shape)
        return size

    def ack(self, lane, count):
        """Forget the oldest count records of a lane: the broker has them."""
        if lane:
            self._quietly(self.flash.ack, count)
            return
        self.front.ack(count)
        self._retain()

    def rewind(self, lane):
        """Count nothing of a lane as in flight: the link is lost."""
        if lane:
            self.flash.rewind()
            return
        front = self.front
        front.remove(0, front.copied)  # the log has them
        front.in_flight = front.copied = 0

    def flush(self, reason):
        """Write what only RAM holds to flash, as one group; return True if all of it is there.

        reason is for the log: age, full, reset.
        """
        front = self.front
        try:
            while front.copied < front.count:
                done = self.flash.append(self.retained.boot, front.at, front.copied, front.count)
                # Those in flight stay here too, until it is known what becomes of them.
                stay = min(done, front.in_flight - front.copied)
                front.copied += stay
                front.remove(front.copied, done - stay)
            self.flash.save()
            self._failed_s = self._dropped = None
        except OSError as exc:
            if self._failed_s is None:
                self.log.error("log_unusable", why=exc, reason=reason)
            self._failed_s = self.clock.uptime_ms() // 1000
        self._retain()
        return front.copied == front.count

    async def run(self):
        """Flush what has been waiting for flush_after_s, for ever."""
        while True:
            self.clock.alive("store", _ALIVE_MS)
            await self.clock.sleep_ms(_LOOK_MS)
            age_s = self.front.age_s(self.clock.uptime_ms() // 1000)
            # Ages are whole seconds, and the next look is one away: never later than promised.
            if age_s + 2 >= self.flush_after_s and self._may_flush():
                self.flush("age")

    def drop_told(self):
        """The platform knows of what next_drop() returned."""
        self.account.drop_told()
        self._quietly(self.flash.save)
        self._retain()

    def _quietly(self, change, *arguments):
        """Change the log, but go on if flash fails: at worst a reading is sent again."""
        try:
            change(*arguments)
        except OSError as exc:
            self.log.warn("log_unchanged", why=exc)

    def _is_loss(self, boot, seq):
        """Tell whether a reading is lost when the log drops its copy."""
        if boot == self.retained.boot and self.front.has_copy(seq):
            self._uncovered = True
            return False
        return not self._is_done(boot, seq)

    def _is_done(self, boot, seq):
        return boot == self.retained.boot and self.front.is_done(seq)

    def _retain(self):
        """Have RTC memory tell a later run what a reset takes."""
        if self._uncovered:  # then the front is the only place again
            self.front.copied, self._uncovered = 0, False
        first = self.front.first()
        if self._dropped is not None:  # the reset would take the report too
            first = self._dropped
        if self.lost != NONE or first is None:
            first = self.lost
        self.retained.front_first = first
        self.retained.save()
