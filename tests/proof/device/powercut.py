"""Power cuts in every flash operation of short stories on a real littlefs; nothing may be lost.

A story runs once on a flash that keeps a journal, and notes at each step what is promised by then.
Then the flash is made as a cut in each operation left it, the store starts on it, and the checks
here compare what it delivers and reports with the promises. Some starts are cut again.
"""

import gc
import json
import random
import sys

sys.path[:] = [".frozen", ".", "lib", "tests"]

from fakes.flash import Flash, cuts, out_of_order
from fakes.store import BACKLOG, LIVE, StoreRig
from firmware import files, flashlog, segment

FOLDER = "/flash/data"
STEP = 8
# Small segments: many of them in a short story. The format is the same.
segment.SIZE = 512
flashlog._CURSOR_STEP = STEP


class Story:
    """What was promised, by mark of the flash: [readings durable, readings acknowledged]."""

    def __init__(self, segments, blocks):
        self.flash = Flash(blocks).format()
        self.image = bytes(self.flash.data)
        self.flash.journal = []
        self.flash.mount()
        self.segments = segments
        self.rig = StoreRig(FOLDER, segments=segments, front_bytes=4096)
        self.promises = [(0, 0)]
        self.taken = 0
        self.acked = []

    def promise(self, durable):
        self.promises.append((durable, len(self.acked)))
        self.flash.mark = len(self.promises) - 1

    def take(self, count):
        self.rig.take(count)
        self.taken += count
        if self.rig.store.flush("age"):
            self.promise(self.taken)

    def deliver(self, count):
        """The broker gets and acknowledges some of the backlog, oldest first."""
        for _ in range(count):
            one = self.rig.peek(BACKLOG, 0)
            if one is None:
                return
            self.acked.append(one[1])
            self.promise(self.promises[-1][0])
            self.rig.store.ack(BACKLOG, 1)


def grow(rng):
    """Groups of all sizes, over several segments."""
    story = Story(64, 24)
    for _ in range(14):
        story.take(rng.randrange(1, 12))
    return story


def drain(rng):
    """An outage, and a link that delivers while more comes."""
    story = Story(64, 24)
    story.take(60)
    for _ in range(12):
        story.deliver(rng.randrange(1, 14))
        story.take(rng.randrange(1, 5))
    story.deliver(999)
    story.rig.peek(BACKLOG, 0)
    story.take(3)
    return story


def full(rng):
    """A log of four small segments that drops its oldest, with readings in flight."""
    story = Story(4, 16)
    for number in range(9):
        story.take(rng.randrange(12, 25))
        story.rig.store.rewind(BACKLOG)
        for skip in range(rng.randrange(6)):
            story.rig.peek(BACKLOG, skip)
        if number == 6:
            story.rig.store.rewind(BACKLOG)
            story.deliver(rng.randrange(1, 20))
    return story


STORIES = {"grow": grow, "drain": drain, "full": full}


def check(story, mark, rig):
    """Return what is wrong with a store that started after a cut, None if nothing is."""
    durable, acked = story.promises[mark]
    # The next promise may be kept already: the cut came before it was spoken.
    durable_next = story.promises[min(mark + 1, len(story.promises) - 1)][0]
    found = [seq for _, seq in rig.waiting(BACKLOG)]
    if rig.seqs(LIVE):
        return "a front that nobody filled"
    if found != sorted(set(found)):
        return "order %s" % found
    if found and found[-1] >= max(durable_next, durable):
        return "a reading nobody took: %d" % found[-1]
    again = [seq for seq in story.acked[:acked] if seq in found]
    if len(again) > STEP:
        return "%d delivered again" % len(again)
    end = max(durable, found[-1] + 1 if found else 0)
    missing = set(range(end)) - set(found) - set(story.acked[:acked])
    return unless_reported(missing, rig)


def unless_reported(missing, rig, already=0):
    """Return what is wrong with the drops, which are to be these readings and no others."""
    reported = sum(drop[3] for drop in rig.account.drops) - already
    if reported != len(missing):
        return "%d reported, missing %s" % (reported, sorted(missing))
    for seq in missing:
        if not any(first <= seq <= last for _, first, last, _, _ in rig.account.drops):
            return "not reported: %d" % seq
    return None


def goes_on(story, rig, flash):
    """Return what is wrong with a store that takes, delivers and clears after a cut.

    Otherwise return None, and leave in the story what was there, for a second cut.
    """
    rig.store.rewind(BACKLOG)
    before = rig.waiting(BACKLOG)
    rig.store.rewind(BACKLOG)
    story.again = before + [(2, 0), (2, 1), (2, 2)], sum(drop[3] for drop in rig.account.drops)
    flash.mark = 0
    rig.take(3)
    if not rig.store.flush("age"):
        return "does not flush any more: %s" % rig.lines
    after = []
    while True:
        flash.mark = 1 + len(after)
        one = rig.peek(BACKLOG, 0)
        if one is None:
            break
        after.append(one)
        rig.store.ack(BACKLOG, 1)
    dropped = sum(drop[3] for drop in rig.account.drops) - story.again[1]
    if after != story.again[0][dropped:]:
        return "%s and 3 are %s" % (before, after)
    return None


def recovered(story, mark, rig):
    """Return what is wrong after a second cut, in a start or in what followed it."""
    wanted, already = story.again
    found = rig.waiting(BACKLOG)
    if found != [one for one in wanted if one in found]:
        return "order %s" % found
    delivered = mark
    dropped = sum(drop[3] for drop in rig.account.drops) - already
    missing = [one for one in wanted if one not in found]
    if mark == 0:  # the three may be there or not
        missing = [one for one in missing if one[0] == 1]
    # Oldest first they were dropped or delivered, or are being delivered.
    if not dropped + delivered - STEP <= len(missing) <= dropped + delivered:
        return "mark %d, %d dropped, missing %s" % (mark, dropped, missing)
    if missing != [one for one in wanted if one < (found or [(9, 0)])[0]][: len(missing)]:
        return "a hole: %s in %s" % (missing, wanted)
    return None


def started(story, image, journal=None):
    """Return (store, flash) that started after a power cut on this image."""
    flash = Flash(story.flash.blocks, image)
    flash.journal = journal
    flash.mount()
    story.rig.board.nvs.values["boot"] = 1
    story.rig.board.power_cut()
    options = {"segments": story.segments, "front_bytes": 4096}
    return StoreRig(FOLDER, board=story.rig.board, **options), flash


def sweep(name, seed, most, nested, planted=False):
    """Cut a story in every operation; return [tried, failures, cut twice].

    most    cuts at most; nested: of how many of them the start and what follows is cut again
    planted a reading counts as durable before it is
    """
    random.seed(seed)
    story = STORIES[name](random)
    if planted:
        story.promises = [(durable + 1, acked) for durable, acked in story.promises]
    tally = [0, [], 0]
    every = max(1, len(story.flash.journal) * 3 // nested) if nested else 0
    for image, mark, operation, tear in cuts(story.image, story.flash.journal):
        where = "%s seed %d operation %d tear %d" % (name, seed, operation, tear)
        journal = [] if every and tally[0] % every == 0 else None
        if _try(tally, where, story, mark, image, journal) and journal:
            for second, again, _, _ in cuts(image, journal, (0, 2)):
                tally[2] += 1
                try:
                    why = recovered(story, again, started(story, second)[0])
                except Exception as exc:
                    why = repr(exc)
                if why:
                    tally[1].append("%s, twice: %s" % (where, why))
        if tally[0] >= most or len(tally[1]) > 5:
            break
    return tally


def shuffle(name, seed, most):
    """Cut a story with blocks written out of order; return [tried, failures, 0]."""
    random.seed(seed)
    story = STORIES[name](random)
    tally = [0, [], 0]
    for image, mark, cut in out_of_order(story.image, story.flash.journal, random, most):
        _try(tally, "%s seed %d out of order at %d" % (name, seed, cut), story, mark, image, None)
    return tally


def _try(tally, where, story, mark, image, journal):
    tally[0] += 1
    try:
        rig, flash = started(story, image, journal)
        why = check(story, mark, rig) or goes_on(story, rig, flash)
    except Exception as exc:
        why = repr(exc)
    if why:
        tally[1].append("%s: %s" % (where, why))
    gc.collect()
    return not why


def replacements(seed, planted=False):
    """Cut the replacing of a settings file and of a counter; return [tried, failures, 0]."""
    rng = random
    rng.seed(seed)
    flash = Flash(8).format()
    image = bytes(flash.data)
    flash.journal = []
    flash.mount()
    versions = [None]
    for number in range(12):
        data = bytes([number + 1]) * rng.randrange(1, 1500)
        versions.append(data)
        if planted:
            with open("/flash/config.json", "wb") as file:
                file.write(data)
        else:
            files.replace("/flash/config.json", data)
        flash.mark = number + 1
    tried, failures = 0, []
    for cut, mark, operation, tear in cuts(image, flash.journal):
        tried += 1
        Flash(8, cut).mount()
        try:
            with open("/flash/config.json", "rb") as file:
                found = file.read()
        except OSError:
            found = None
        if found not in (versions[mark], versions[min(mark + 1, 12)]):
            failures.append("replace operation %d tear %d: a mix" % (operation, tear))
        try:
            files.replace("/flash/config.json", b"after")
        except OSError as exc:
            failures.append("replace operation %d: %r" % (operation, exc))
        gc.collect()
    return [tried, failures[:5], 0]


def main(story, seed, nested):
    """Run one story and print the result as JSON. Out of order needs littlefs 2.9.3 or newer.

    An older one, as in MicroPython 1.25, may let a block that holds data follow the one that
    points to it; flash on the chip's own bus has no cache that would do that.
    """
    results = []
    if story == "replace":
        results.append(replacements(seed))
    else:
        results.append(sweep(story, seed, 10**6, nested))
        if sys.implementation.version >= (1, 26):
            results.append(shuffle(story, seed, 150))
    tried = sum(result[0] + result[2] for result in results)
    failures = [failure for result in results for failure in result[1]]
    print(json.dumps({"tried": tried, "failures": failures[:5], "failed": len(failures)}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
