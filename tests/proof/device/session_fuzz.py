"""Hostile packets into the session: each is judged by fuzz_model.py, and so is what was done.

session_fuzz.py direct PACKETS SEED: straight into the link and the window of a session, in every
state. session_fuzz.py whole PACKETS SEED: through run(), its tasks and its closing.
"""

import gc
import json
import random
import sys

sys.path[:] = [".frozen", ".", "lib", "tests", "tests/proof/device"]

import fuzz_packets
from fuzz_rig import BUFFERS, STATES, Direct

from firmware import inbound, packet
from firmware.errors import LinkError

CORPUS = "tests/proof/fuzz_corpus.txt"
# What may be taken for a link, with what this test needs for each read and each byte.
LINK_BYTES = 6_000
READ_BYTES = 500
BYTES_PER_BYTE = 20
# The interpreter takes some for itself, now and then: its table of names grows.
MOST_EXCEPTIONS = 3
HEAP_SLACK = 24_000
SESSION_LINKS = 40  # then a new session


class Counts:
    """Packets by first four bits and state, and what was wrong."""

    def __init__(self, most=100):
        """Be over after so many failures."""
        self.cells = [[0] * 16 for _ in STATES]
        self._most = most
        self.tried = self.failed = 0
        self.failures = []

    @property
    def is_over(self):
        return self.failed >= self._most

    def add(self, state, kind):
        self.cells[state][kind] += 1
        self.tried += 1

    def blame(self, state, stream, wrong):
        self.failed += 1
        if len(self.failures) < 5:
            self.failures.append("%s %s: %s" % (state, stream.hex()[:400], "; ".join(wrong[:3])))

    def tell(self, caught):
        """Print it as the one line that a suite reads."""
        answer = {"tried": self.tried, "failed": self.failed, "failures": self.failures}
        answer["cells"] = self.cells
        answer["caught"] = caught
        print(json.dumps(answer))


def stream_of(rig, state, counts):
    """Return the bytes of one link: packets up to the first error, and one that has no effect."""
    model = rig.model
    stream = rig.open(STATES[state])
    model.feed(stream)
    for _ in range(8):
        if model.error:
            break
        kind = random.getrandbits(4)
        data = fuzz_packets.draw(kind, rig.ids, rig.size)
        counts.add(state, kind)
        model.feed(data)
        stream += data
    canary = fuzz_packets.CANARY
    model.feed(canary)
    return stream + canary


def direct(packets, counts):
    """Feed so many; every session lives for some links."""
    gc.collect()
    links = exceptions = 0
    base = None
    while counts.tried < packets and not counts.is_over:
        if links % SESSION_LINKS == 0:
            rig = None
            gc.collect()
            base = base or gc.mem_alloc()
            if gc.mem_alloc() > base + HEAP_SLACK:
                counts.blame("heap", b"", ["%d bytes more" % (gc.mem_alloc() - base)])
            rig = Direct(BUFFERS[links // SESSION_LINKS % len(BUFFERS)])
        state = links % len(STATES)
        links += 1
        stream = stream_of(rig, state, counts)
        before = gc.mem_alloc() if links % 16 < 2 else None
        wrong = rig.play(stream)
        if before:
            taken = gc.mem_alloc() - before
            most = LINK_BYTES + READ_BYTES * rig.feed.reads + BYTES_PER_BYTE * len(stream)
            exceptions += taken > most
            if taken > most and exceptions > MOST_EXCEPTIONS:
                wrong.append("%d bytes taken for %d that came" % (taken, len(stream)))
        if wrong:
            counts.blame(STATES[state], stream, wrong)
            links += -links % SESSION_LINKS  # the model does not know this session any more


def corpus(counts):
    """Feed the packets that were kept: each says by itself whether it ends the link."""
    with open(CORPUS) as lines:
        for line in lines:
            words = line.partition("#")[0].split()
            if not words:
                continue
            state, outcome = words[:2]
            rig = Direct(BUFFERS[0])
            stream = rig.open(state) + bytes.fromhex("".join(words[2:]))
            rig.model.feed(stream)
            is_closed = bool(rig.model.error)
            canary = fuzz_packets.CANARY
            rig.model.feed(canary)
            counts.add(STATES.index(state), stream[-1] >> 4)
            wrong = rig.play(stream + canary)
            if is_closed != (outcome == "closed"):
                wrong.append("not " + outcome)
            if wrong:
                counts.blame(state, stream, wrong)


# Faults to be found out, one at a time.


def any_qos(buf, first, start, have, end):
    """As parse_publish, and takes QoS 3 for QoS 1."""
    return _parse_publish(buf, first & ~4 if first & 6 == 6 else first, start, have, end)


def any_length(buf, at, have):
    """As frame, and takes a length of five bytes for one of four."""
    size = shift = 0
    for body in range(at + 1, have):
        size |= (buf[body] & 0x7F) << shift
        shift += 7
        if buf[body] < 0x80:
            return body + 1, body + 1 + size
    return None


def any_topic(buf, first, start, have, end):
    """As parse_publish, and does not look whether the topic ends before the packet does."""
    qos = first >> 1 & 3
    topic_end = start + 2 + (buf[start] << 8 | buf[start + 1])
    if qos > 1:
        raise LinkError("protocol: PUBLISH")
    return start + 2, min(topic_end, have), qos, min(topic_end + 2 * qos, have)


_parse_publish = inbound.parse_publish
PLANTED = (
    (inbound, "parse_publish", any_qos),
    (packet, "frame", any_length),
    (inbound, "parse_publish", any_topic),
)


def planted(sweep, packets):
    """Return whether each fault is found out within so many packets."""
    caught = []
    for module, name, function in PLANTED:
        original = getattr(module, name)
        setattr(module, name, function)
        counts = Counts(1)
        try:
            sweep(packets, counts)
        finally:
            setattr(module, name, original)
        caught.append(counts.failed > 0)
    return all(caught)


def main(form, packets, seed):
    random.seed(int(seed))
    counts = Counts()
    sweep = direct
    if form == "whole":
        from fuzz_whole import sweep
    else:
        corpus(counts)
    sweep(int(packets), counts)
    counts.tell(planted(sweep, 20_000))


if __name__ == "__main__":
    main(*sys.argv[1:])
