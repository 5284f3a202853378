"""Packets that a broker should not send, and some that it may: made from well-formed ones."""

import random

from fakes.strict_broker import framed, publish, text

CANARY = publish(b"canary", b"alive", 77)
_LENGTHS = (0, 1, 2, 3, 127, 128, 255, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455)


def noise(most):
    return bytes([random.getrandbits(8) for _ in range(random.randrange(most))])


def varint(size, at_least=1):
    """Return a length in at least so many bytes, which may be more than it needs."""
    data = bytearray()
    while size > 0x7F or len(data) < at_least - 1:
        data.append(size & 0x7F | 0x80)
        size >>= 7
    data.append(size)
    return bytes(data)


def an_id(ids):
    """Return two bytes: mostly an id that is open, else any, else none."""
    draw = random.randrange(8)
    number = random.choice(ids) if ids and draw > 2 else random.getrandbits(16) if draw else 0
    return bytes((number >> 8, number & 0xFF))


def a_publish(_ids, most):
    topic = random.choice((b"d/commands", b"d", b"", b"\x00\xff", b"t" * random.randrange(1, 80)))
    packet_id = random.choice((0, 0, 1, 2, 3, 0x1234, 65535))
    size = random.choice((0, 1, 20, most - 20, most, 3 * most))
    message = b"m" * random.randrange(size + 1)
    return publish(topic, message, packet_id, random.choice((0, 0, 1, 8)))


def a_connack():
    return framed(0x20, bytes((random.randrange(2), random.choice((0, 0, 0, 1, 5, 255)))))


def a_suback(ids):
    code = random.choice((0, 1, 2, 0x80, 3, 0xFF))
    return framed(0x90, an_id(ids) + bytes((code,)))


_MAKERS = {
    1: lambda _ids, _most: framed(0x10, text(b"MQTT") + b"\x04\x02\x00\x3c" + text(b"d")),
    2: lambda _ids, _most: a_connack(),
    3: a_publish,
    6: lambda ids, _most: framed(0x62, an_id(ids)),
    8: lambda ids, _most: framed(0x82, an_id(ids) + text(b"d/#") + b"\x01"),
    9: lambda ids, _most: a_suback(ids),
    10: lambda ids, _most: framed(0xA2, an_id(ids) + text(b"d/#")),
}


def well_formed(kind, ids, most):
    """Return a packet of the kind that its first four bits are, to or from a broker."""
    if kind in _MAKERS:
        return _MAKERS[kind](ids, most)
    # The answers that have an id and nothing else; the rest have not even that.
    return framed(kind << 4, an_id(ids) if kind in (4, 5, 7, 11) else b"")


# What can be done to a packet (its fixed header has two bytes, or is taken to have).


def truncated(data):
    return data[: random.randrange(1, len(data) + 1)]


def flipped(data):
    at = random.randrange(len(data))
    changed = data[at] ^ 1 << random.randrange(4 if at == 0 else 8)
    return data[:at] + bytes((changed,)) + data[at + 1 :]


def claiming(data):
    return data[:1] + varint(random.choice(_LENGTHS)) + data[2:]


def too_long_a_length(data):
    return data[:1] + varint(random.choice(_LENGTHS), 5) + data[2:]


def padded_length(data):
    return data[:1] + varint(len(data) - 2, random.randrange(1, 5)) + data[2:]


def flagged(data):
    return bytes((data[0] & 0xF0 | random.getrandbits(4),)) + data[1:]


def of_qos_3(data):
    return bytes((data[0] | 6,)) + data[1:]


def topic_too_long(data):
    return data[:2] + bytes((random.getrandbits(8), random.getrandbits(8))) + data[4:]


def emptied(data):
    return data[:1] + b"\x00"


def grown(data):
    more = noise(6)
    return data[:1] + varint(len(data) - 2 + len(more)) + data[2:] + more


def noisy(data):
    return data[:1] + noise(40)


MUTATIONS = (
    truncated, flipped, claiming, too_long_a_length, padded_length, flagged, of_qos_3,
    topic_too_long, emptied, grown, noisy,
)  # fmt: skip


def draw(kind, ids, most):
    """Return some packet of this kind: half of them as they should be."""
    data = well_formed(kind, ids, most)
    if random.randrange(2):
        data = random.choice(MUTATIONS)(data)
        if not random.randrange(4):
            data = random.choice(MUTATIONS)(data)
    return bytes((kind << 4 | data[0] & 0x0F,)) + data[1:]


def pieces(data):
    """Return the data as it may arrive."""
    way = random.randrange(4)
    if way == 0:
        return [data]
    if way == 1 and len(data) < 60:
        return [data[at : at + 1] for at in range(len(data))]
    parts = []
    while data:
        count = random.randrange(1, len(data) + 1)
        parts.append(data[:count])
        data = data[count:]
    return parts
