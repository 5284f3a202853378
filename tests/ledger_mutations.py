"""Histories into a ledger, and what it must say of them: the true ones and the falsified ones.

A Case plays a history as it was, then once for each of some mutations of it. What the ledger must
say is reckoned from the history's own truth, reading by reading, not with the ledger's arithmetic.
"""

import random
from contextlib import closing

from ledger_book import book_of
from ledger_history import History

from ways_device.sandbox.boots import FLUSH_AFTER_S
from ways_device.sandbox.db import Db
from ways_device.sandbox.ledger import Ledger
from ways_device.sandbox.wire import dump

STEPS = 120
# Of each history, so many of the ways to falsify it.
MUTATIONS = 4
_SUMS = ("delivered", "duplicates", "late", "dropped", "volatile", "missing", "partial")


def report_of(messages, kind=Ledger):
    """Return the sums that a ledger makes of messages, with those of each boot under "rows"."""
    with closing(Db(":memory:")) as db:
        ledger, ingest = book_of(db, "d", kind=kind)
        now_s = 0.0
        with db.transaction():
            for message in messages:
                now_s = message[5] if message[0] == "reading" else now_s or 1_700_000_000.0
                topic, document = _wire(message)
                ingest.take(f"devices/d/{topic}", dump(document).encode(), now_s)
        return {**ledger.summary("d"), "rows": ledger.report("d")["boots"]}


def _wire(message):
    if message[0] == "attributes":
        return "attributes", message[1]
    if message[0] == "event":
        return "events", {"event_type": message[1], "metadata": message[2]}
    _, boot, seq, part, taken_s, _ = message
    document = {part or "t": 1, "boot": boot, "seq": seq}
    if taken_s is not None:
        document["timestamp"] = taken_s
    return f"sensors/{part}" if part else "telemetry", document


def truth_of(history):
    """Return what the ledger must say of an honest history."""
    firsts, copies, late, latest = {}, 0, set(), (-1, -1)
    for message in history.messages:
        if message[0] != "reading":
            continue
        one, part = message[1:3], message[3]
        if part in firsts.setdefault(one, set()):
            copies += 1
            continue
        firsts[one].add(part)
        if one < latest:
            late.add(one)
        latest = max(latest, one)
    return {
        "delivered": len(history.delivered),
        "duplicates": copies,
        "late": len(late),
        "partial": 0,
        "dropped": len(history.dropped),
        "volatile": len(history.volatile),
        "missing": 0,
        "adds_up": True,
    }


def _differences(before, after):
    names = [name for name in _SUMS if before[name] != after[name]]
    return {name: after[name] - before[name] for name in names}


class Case:
    """One history, played and falsified. complaints are what the ledger got wrong."""

    def __init__(self, seed, kind=Ledger, steps=STEPS):
        self.rng = random.Random(seed)
        self.kind = kind
        self.history = History(self.rng, self.rng.randint(5, steps))
        self.tried = 0
        self.complaints = []
        self.before = report_of(self.history.messages, kind)

    def run(self):
        self._judge_truth("honest", self.before, truth_of(self.history))
        total = sum(self.before[name] for name in ("delivered", "dropped", "volatile"))
        owed = len(self.history.taken) - len(self.history.tail)
        self._check("all of them", total, owed)
        mutations = (
            self._lose_one, self._lose_range, self._shorten_drop, self._forget_drop,
            self._double, self._shuffle, self._lose_part, self._repeat_event, self._claim_durable,
        )  # fmt: skip
        for mutate in self.rng.sample(mutations, MUTATIONS):
            mutate()
        return self

    def _check(self, what, got, wanted):
        self.tried += 1
        if got != wanted:
            self.complaints.append(f"{what}: {got}, wanted {wanted}")

    def _judge_truth(self, what, got, truth):
        """What was dropped although it had arrived may stand for what is volatile."""
        most = truth["dropped"] + self._slack(self.history.volatile)
        got = {name: got[name] for name in truth}
        if truth["dropped"] <= got["dropped"] <= most:
            got["volatile"] += got["dropped"] - truth["dropped"]
            got["dropped"] = truth["dropped"]
        self._check(what, got, truth)

    def _after(self, messages):
        return _differences(self.before, report_of(messages, self.kind))

    def _losable(self):
        """Return the delivered readings of which somebody else knows that they were taken."""
        highest = {row["boot"]: -1 for row in self.before["rows"]}
        said = dict(highest)
        for message in self.history.messages:
            if message[0] == "reading":
                highest[message[1]] = max(highest[message[1]], message[2])
            elif message[1] == "readings_dropped":
                boot = message[2]["boot"]
                said[boot] = max(said[boot], message[2]["to"])
            elif message[1] == "store_opened":
                said[message[2]["boot"]] = max(
                    said[message[2]["boot"]], message[2]["next_seq"] - 1
                )
        for boot, seq in self.history.durable.items():
            said[boot] = max(said.get(boot, -1), seq)
        firsts = {}
        for boot, seq in sorted(self.history.delivered):
            firsts.setdefault(boot, seq)
        return [
            (boot, seq)
            for boot, seq in sorted(self.history.delivered)
            if (seq < highest[boot] or seq <= said[boot])
            # What it brought along counts from the first that arrived: that one proves itself.
            and ((boot, seq) >= self.history.begin or seq > firsts[boot])
        ]

    def _excused(self, gone):
        """Return those of the readings that are gone which the device's own words excuse."""
        lost = [m[2] for m in self.history.messages if m[1] == "store_opened"]
        newest = max(row["boot"] for row in self.before["rows"])
        excused = set()
        for boot, seq in gone:
            in_range = any(
                said["boot"] == boot
                and said["lost_from"] is not None
                and said["lost_from"] <= seq <= said["lost_to"]
                for said in lost
            )
            if in_range or (boot < newest and self._may_be_cut(boot, seq, gone)):
                excused.add((boot, seq))
        return excused

    def _may_be_cut(self, boot, seq, gone):
        """True if the reading was not in flash and taken in the last moments of its boot."""
        history = self.history
        if seq <= history.durable.get(boot, -1):
            return False
        if not history.has_clock:  # when it was taken nobody can tell
            return True
        left = [one for one in history.delivered - set(gone) if one[0] == boot]
        end_s = max((history.taken[one] for one in left), default=0)
        known_s = history.flush_after_s if history.tells else FLUSH_AFTER_S
        return history.taken[boot, seq] >= end_s - known_s

    def _judge_loss(self, what, gone, after, of="delivered"):
        """Each reading that is gone must be missing now, or excused by what the device said."""
        excused, slack = len(self._excused(self._suspects(gone))), self._slack(gone)
        shown = {name: after.get(name, 0) for name in ("missing", "volatile", "dropped")}
        fewer, most = -after.get(of, 0), len(gone)
        if of == "dropped":
            shown["dropped"], most = 0, len(gone) + slack
        is_caught = shown["missing"] >= max(0, len(gone) - excused - slack)
        self.tried += 1
        if not is_caught or sum(shown.values()) != fewer or not len(gone) <= fewer <= most:
            self.complaints.append(f"{what} {sorted(gone)}: {after}, excused {excused}")

    def _slack(self, gone):
        """Return how many readings the reports of drops count that did arrive all the same.

        A device drops what it has no acknowledgement of; the broker may have it.
        """
        slack = 0
        for said, span in self._reports():
            if span & set(gone):
                slack += said["count"] - len(span & self.history.dropped)
        return slack

    def _reports(self):
        """Return each report of drops, and all readings in its range."""
        said = {dump(m[2]): m[2] for m in self._drop_messages()}
        return [
            (one, {(one["boot"], seq) for seq in range(one["from"], one["to"] + 1)})
            for one in said.values()
        ]

    def _drop_messages(self):
        return [m for m in self.history.messages if m[1] == "readings_dropped"]

    def _suspects(self, gone):
        """A short report may leave any reading of its range unexplained."""
        suspects = set(gone)
        for _, span in self._reports():
            if span & suspects:
                suspects |= span & (self.history.dropped | set(gone))
        return suspects

    def _without(self, gone):
        gone = set(gone)
        return [m for m in self.history.messages if m[0] != "reading" or m[1:3] not in gone]

    def _lose_one(self):
        victims = self._losable()
        for one in self.rng.sample(victims, min(2, len(victims))):
            after = self._after(self._without([one]))
            self._judge_loss("lost one", [one], after)

    def _lose_range(self):
        victims = self._losable()
        if victims:
            start = self.rng.randrange(len(victims))
            gone = victims[start : start + self.rng.randint(2, 12)]
            self._judge_loss("lost range", gone, self._after(self._without(gone)))

    def _with_report(self, old, new):
        changed = []
        for message in self.history.messages:
            if message[1] != "readings_dropped" or message[2] != old:
                changed.append(message)
            elif new is not None:
                changed.append(("event", "readings_dropped", new))
        return changed

    def _shorten_drop(self):
        reports = [(said, span & self.history.dropped) for said, span in self._reports()]
        reports = [(said, lost) for said, lost in reports if lost]
        if reports:
            said, lost = self.rng.choice(reports)
            after = self._after(self._with_report(said, {**said, "count": len(lost) - 1}))
            self._judge_loss("short report", [max(lost)], after, "dropped")

    def _forget_drop(self):
        for said, span in self._reports():
            lost = span & self.history.dropped
            above = (said["boot"], said["to"] + 1)
            if lost and any(above <= one < (said["boot"] + 1, 0) for one in self._losable()):
                after = self._after(self._with_report(said, None))
                self._judge_loss("no report", lost, after, "dropped")
                return

    def _is(self, what, messages, wanted):
        after = self._after(messages)
        self._check(what, after, wanted)

    def _readings(self):
        return [n for n, m in enumerate(self.history.messages) if m[0] == "reading"]

    def _double(self):
        """A message that comes again, at once or much later, is a duplicate and nothing else."""
        messages = list(self.history.messages)
        many = self.rng.randint(1, 5)
        for _ in range(many):
            places = [n for n, m in enumerate(messages) if m[0] == "reading"]
            place = self.rng.choice(places)
            messages.insert(self.rng.randint(place + 1, len(messages)), messages[place])
        self._is("double", messages, {"duplicates": many})

    def _shuffle(self):
        """Whatever order readings arrive in, only what is late changes."""
        messages = list(self.history.messages)
        places = self._readings()
        start = self.rng.randrange(len(places))
        some = places[start : start + 30]
        if not self.history.has_clock:  # arrival is all that tells when they were taken
            return
        for place, other in zip(some, self.rng.sample(some, len(some)), strict=True):
            messages[place] = self.history.messages[other]
        after = report_of(messages, self.kind)
        shuffled = dict(vars(self.history), messages=messages)
        truth = truth_of(type("Shuffled", (), shuffled))
        self._judge_truth("shuffle", after, truth)

    def _lose_part(self):
        """Of what a reading consists the others of its boot tell."""
        messages = self.history.messages
        boots = [boot for boot, _ in self.history.delivered]
        places = [n for n in self._readings() if boots.count(messages[n][1]) > 1]
        if len(self.history.parts) == 1 or not places:
            return
        victim = messages[self.rng.choice(places)][1:4]
        kept = [m for m in messages if m[0] != "reading" or m[1:4] != victim]
        after = self._after(kept)
        self._check("lost part", (after.get("partial"), after.get("delivered")), (1, None))

    def _repeat_event(self):
        """An event that comes twice says nothing new."""
        messages = list(self.history.messages)
        places = [n for n, m in enumerate(messages) if m[0] == "event"]
        place = self.rng.choice(places)
        messages.insert(place + 1, messages[place])
        self._is("repeated event", messages, {})

    def _claim_durable(self):
        """What a device says was in flash must arrive, whatever came after."""
        newest = self.before["rows"][-1]
        boot, most = newest["boot"], newest["highest_seq"]
        said = {"boot": boot + 1, "next_seq": 0, "lost_from": None, "lost_to": None,
                "last_durable": {"boot": boot, "seq": most + 3}}  # fmt: skip
        messages = [*self.history.messages, ("event", "store_opened", said)]
        after = self._after(messages)
        self._check("claimed durable", after.get("missing"), 3)


def try_seeds(seeds, kind=Ledger, steps=STEPS):
    """Return (how much was tried, what the ledger got wrong, each with its seed)."""
    tried, complaints = 0, []
    for seed in seeds:
        case = Case(seed, kind, steps).run()
        tried += case.tried
        complaints += [f"seed {seed}: {complaint}" for complaint in case.complaints]
    return tried, complaints
