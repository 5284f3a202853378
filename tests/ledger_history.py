"""A device that loses nothing without saying so, and the truth about each of its readings.

Written from what the ledger promises and from nothing of the agent's code: readings are taken,
wait in RAM, go to flash when they are too old, are dropped where flash is full, and are sent
over a link that breaks. Power goes, chips reset, acknowledgements get lost.
"""

START_S = 1_700_000_000.0
PARTS = {"flat": [""], "tree": ["h", "t"], "both": ["", "h", "t"]}


class History:
    """messages is what reaches the broker, in order:

    ("reading", boot, seq, part, taken_s or None) or ("event", event_type, metadata)
    """

    def __init__(self, rng, steps):
        self._rng = rng
        self.parts = PARTS[rng.choice(list(PARTS))]
        self.has_clock = rng.random() < 0.8
        self.flush_after_s = rng.choice((5, 30, 60, 60, 300, 3600))
        # One that does not say it has what the ledger takes it to have.
        self.tells = self.flush_after_s > 60 or rng.random() < 0.5
        self.in_attributes = self.tells and rng.random() < 0.3
        self._interval_s = rng.choice((1, 7, 25, 60, 600))
        self._newest_first = rng.random() < 0.4
        self._keeps_oldest = rng.random() < 0.3
        self._log_most = rng.choice((5, 30, 1000))
        self.now_s = START_S
        self.messages = []
        self.taken = {}  # (boot, seq) -> when
        self.durable = {}  # boot -> the highest seq that a later start said was in flash
        self.dropped, self.volatile, self.tail = set(), set(), set()
        self._boot = rng.randrange(3)
        self._seq = rng.choice((0, 0, 0, 50))
        self.begin = (self._boot, self._seq)
        self._front, self._log, self._drops, self._waiting = [], [], [], []
        self._is_up = True
        if self._seq and rng.random() < 0.5:  # it brings a part of its past along
            self._bring_past()
        if self.in_attributes:
            self.messages.append(("attributes", {"flush_after_s": self.flush_after_s}))
        self._open(None)
        for _ in range(steps):
            self._step()
        self._is_up = True
        while self._front or self._log or self._drops or self._waiting:
            self._send()
        self._close_accounts()

    def _bring_past(self):
        # What it drops of that before anything of it arrived, this ledger is not owed.
        self._log_most = 1000
        for seq in range(self._seq - self._rng.randint(1, 20), self._seq):
            self.taken[self._boot, seq] = self.now_s
            self._log.append((self._boot, seq))

    def _open(self, lost):
        durable = self._log[-1] if self._log else None
        if durable:
            self.durable[durable[0]] = max(durable[1], self.durable.get(durable[0], -1))
        said = {
            "boot": self._boot,
            "next_seq": self._seq,
            "lost_from": lost and lost[0],
            "lost_to": lost and lost[1],
            "last_durable": durable and {"boot": durable[0], "seq": durable[1]},
        }
        if self.tells and not self.in_attributes:
            said["flush_after_s"] = self.flush_after_s
        self._waiting.append(("event", "store_opened", said))
        self._must_tell()

    def _must_tell(self):
        """A start that nobody heard of is a gap of its own: this device starts with a link."""
        for message in self._waiting:
            self._arrive(message)
        self._waiting.clear()

    def _step(self):
        rng = self._rng
        self.now_s += self._interval_s
        self._flush_old()
        self._take()
        chance = rng.random()
        if chance < 0.06:
            self._is_up = not self._is_up
        elif chance < 0.075 and not self._owes_start():
            self._cut_power()
        elif chance < 0.095:
            self._reset()
        if self._is_up:
            self._send()

    def _owes_start(self):
        """Nothing before the first reading of a boot that arrived has an excuse."""
        return not any(
            message[0] == "reading" and message[1] == self._boot for message in self.messages
        )

    def _take(self):
        one = (self._boot, self._seq)
        self._seq += 1
        self.taken[one] = self.now_s
        self._front.append(one)

    def _flush_old(self):
        while self._front and self.now_s - self.taken[self._front[0]] >= self.flush_after_s:
            self._put(self._front.pop(0))

    def _put(self, one):
        if len(self._log) >= self._log_most:
            gone = one if self._keeps_oldest else self._log.pop(0)
            self._drop(gone)
            if self._keeps_oldest:
                return
        self._log.append(one)

    def _drop(self, one):
        self.dropped.add(one)
        boot, seq = one
        run = self._drops[-1] if self._drops else None
        if run and run["boot"] == boot and run["to"] < seq:
            run.update(to=seq, count=run["count"] + 1)
        else:
            self._drops.append({"boot": boot, "from": seq, "to": seq, "count": 1})

    def _cut_power(self):
        for one in self._front:
            (self.volatile if one[1] < self._known() else self.tail).add(one)
        self._front.clear()
        self._boot, self._seq = self._boot + 1, 0
        self._open(None)

    def _known(self):
        """Return the highest seq of this boot that anybody but the device knows of, by now."""
        here = [one[1] for one in [*self._log, *self.dropped] if one[0] == self._boot]
        sent = [m[2] for m in self.messages if m[0] == "reading" and m[1] == self._boot]
        told = [m[2]["next_seq"] - 1 for m in self.messages if m[1] == "store_opened"
                and m[2]["boot"] == self._boot]  # fmt: skip
        return max([*here, *sent, *told], default=-1)

    def _reset(self):
        lost = None
        if self._rng.random() < 0.5:  # in order: all of it goes to flash
            while self._front:
                self._put(self._front.pop(0))
        elif self._front:
            lost = (self._front[0][1], self._seq - 1)
            self.volatile.update(self._front)
            self._front.clear()
        self._open(lost)

    def _send(self):
        """Send some of both lanes; now and then the acknowledgements of the last are lost."""
        rng = self._rng
        while self._drops:
            said = {**self._drops.pop(0), "reason": "full"}
            for _ in range(rng.choice((1, 1, 1, 2))):
                self._arrive(("event", "readings_dropped", said))
        for lane in (self._front, self._log):
            if lane is self._front and self._newest_first and not self._owes_start():
                lane.reverse()
            unacked = self._send_lane(lane, rng.randint(0, 6))
            lane[:0] = unacked
            lane.sort()

    def _send_lane(self, lane, count):
        sent = [lane.pop(0) for _ in range(min(count, len(lane)))]
        for one in sent:
            self._arrive_reading(one)
        if self._rng.random() < 0.1 and sent:
            self._is_up = False
            return sent[self._rng.randrange(len(sent)) :]
        return []

    def _arrive_reading(self, one):
        taken_s = self.taken[one] if self.has_clock else None
        for part in self.parts:
            self._arrive(("reading", *one, part, taken_s, self.now_s))

    def _arrive(self, message):
        self.messages.append(message)

    def _close_accounts(self):
        """A reading that arrived is delivered, whatever else became of it."""
        arrived = {(m[1], m[2]) for m in self.messages if m[0] == "reading"}
        self.delivered = arrived
        for fate in (self.dropped, self.volatile, self.tail):
            fate.difference_update(arrived)
