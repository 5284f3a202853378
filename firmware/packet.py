"""MQTT 3.1.1 packets in one buffer each. Pure: bytes in, bytes out, nothing sent.

Source: OASIS MQTT Version 3.1.1, chapters 2 and 3.
"""

import struct

from firmware.errors import LinkError, RefusedError, RejectedError

CONNACK = 0x20
PUBLISH = 0x30
PUBACK = 0x40
SUBACK = 0x90
PINGRESP = 0xD0

PINGREQ = b"\xc0\x00"
DISCONNECT = b"\xe0\x00"

# The fixed header is written in full length: a longer form of the same number is not allowed
# by the standard, so the size is known before anything is written.
_DUP = 0x08
_QOS1 = 0x02
_RETAIN = 0x01


def _header(buf, first, size):
    """Write the fixed header of a packet with size bytes after it; return where they start."""
    end = 2 if size < 0x80 else 3
    if end + size > len(buf):
        raise RejectedError("packet of %d bytes, the buffer holds %d" % (end + size, len(buf)))
    buf[0] = first
    if size < 0x80:
        buf[1] = size
    else:
        buf[1] = size & 0x7F | 0x80
        buf[2] = size >> 7
    return end


def _put(buf, at, data):
    """Write a length and the data; return where the next field starts."""
    size = len(data)
    buf[at] = size >> 8
    buf[at + 1] = size & 0xFF
    buf[at + 2 : at + 2 + size] = data
    return at + 2 + size


def connect_into(buf, client_id, user, password, keepalive_s, clean, will):
    """Write CONNECT; return its size. will is (topic, message, qos, retain) or None."""
    flags = 0x02 if clean else 0
    fields = [client_id]
    if will:
        topic, message, qos, retain = will
        flags |= 0x04 | qos << 3 | (0x20 if retain else 0)
        fields += (topic, message)
    if user is not None:
        flags |= 0xC0
        fields += (user, password)
    at = _header(buf, 0x10, 10 + sum(2 + len(field) for field in fields))
    buf[at : at + 8] = b"\x00\x04MQTT\x04" + bytes((flags,))
    struct.pack_into("!H", buf, at + 8, keepalive_s)
    at += 10
    for field in fields:
        at = _put(buf, at, field)
    return at


def publish_into(buf, topic, message, retain, packet_id, dup):
    """Write PUBLISH with QoS 1, or QoS 0 if packet_id is 0; return its size."""
    size = 2 + len(topic) + len(message) + (2 if packet_id else 0)
    first = PUBLISH | (_RETAIN if retain else 0)
    if packet_id:
        first |= _QOS1 | (_DUP if dup else 0)
    at = _put(buf, _header(buf, first, size), topic)
    if packet_id:
        buf[at] = packet_id >> 8
        buf[at + 1] = packet_id & 0xFF
        at += 2
    buf[at : at + len(message)] = message
    return at + len(message)


def subscribe_into(buf, topic, qos, packet_id):
    """Write SUBSCRIBE for one topic filter; return its size."""
    at = _header(buf, 0x82, 2 + 2 + len(topic) + 1)
    struct.pack_into("!H", buf, at, packet_id)
    at = _put(buf, at + 2, topic)
    buf[at] = qos
    return at + 1


def puback(packet_id):
    return bytes((PUBACK, 2, packet_id >> 8, packet_id & 0xFF))


def frame(buf, at, have):
    """Return (size of the fixed header, size of the rest) of the packet at buf[at].

    Returns None while too little of it has come, which is up to buf[have]. Raises LinkError for
    a length that no packet has.
    """
    size = shift = 0
    for taken in range(1, 5):
        if at + taken >= have:
            return None
        byte = buf[at + taken]
        size |= (byte & 0x7F) << shift
        if byte < 0x80:
            return taken + 1, size
        shift += 7
    raise LinkError("protocol: length")


def parse_connack(buf):
    """Return True if the broker kept our session. Raises RefusedError or LinkError if not in."""
    if buf[0] != CONNACK or buf[1] != 2 or buf[2] > 1:
        raise LinkError("protocol: CONNACK")
    code = buf[3]
    if code in (4, 5):  # bad user name or password, not authorised
        raise RefusedError("auth:%d" % code)
    if code:
        raise LinkError("refused:%d" % code)
    return buf[2] == 1


def parse_publish(buf, first, start, have, end):
    """Return (topic from, topic to, packet id or 0, message from) of a PUBLISH.

    first       its first byte
    start, end  what follows the fixed header; only what is below have is in buf
    Raises LinkError for a malformed one.
    """
    qos = first >> 1 & 3
    if qos > 1:  # we never subscribe above 1; 3 is no QoS at all
        raise LinkError("protocol: QoS %d" % qos)
    if start + 2 > have:
        raise LinkError("protocol: PUBLISH")
    topic_at = start + 2
    topic_end = topic_at + (buf[start] << 8 | buf[start + 1])
    message_at = topic_end + (2 if qos else 0)
    if topic_end == topic_at or message_at > end or message_at > have:
        raise LinkError("protocol: PUBLISH")
    packet_id = buf[topic_end] << 8 | buf[topic_end + 1] if qos else 0
    if qos and not packet_id:
        raise LinkError("protocol: packet id 0")
    return topic_at, topic_end, packet_id, message_at
