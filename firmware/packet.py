"""MQTT 3.1.1 packets in one buffer each. Pure: bytes in, bytes out, nothing sent.

Source: OASIS MQTT Version 3.1.1, chapters 2 and 3.
"""

from micropython import const

from firmware.errors import LinkError, RejectedError

# Of PUBLISH: the packet itself and its flags.
_PUBLISH = const(0x30)
_DUP = const(0x08)
_QOS1 = const(0x02)


def header(buf, first, size):
    """Write the fixed header of a packet with size bytes after it; return where they start.

    A longer form of the same length is not allowed by the standard, so the size of the header
    is known before anything is written.
    """
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


def number(buf, at, value):
    """Write a number of two bytes; return where the next field starts."""
    buf[at] = value >> 8
    buf[at + 1] = value & 0xFF
    return at + 2


def text(buf, at, data):
    """Write a length and the data; return where the next field starts."""
    at = number(buf, at, len(data))
    buf[at : at + len(data)] = data
    return at + len(data)


def publish_into(buf, topic, message, retain, packet_id, dup):
    """Write PUBLISH with QoS 1, or QoS 0 if packet_id is 0; return its size."""
    size = 2 + len(topic) + len(message)
    first = _PUBLISH | (1 if retain else 0)
    if packet_id:
        size += 2
        first |= _QOS1 | (_DUP if dup else 0)
    at = text(buf, header(buf, first, size), topic)
    if packet_id:
        at = number(buf, at, packet_id)
    buf[at : at + len(message)] = message
    return at + len(message)


def frame(buf, at, have):
    """Return (where its body starts, where it ends) of the packet at buf[at].

    Returns None while too little of it has come, which is up to buf[have]. Raises LinkError for
    a length that no packet has.
    """
    size = shift = 0
    body = at + 1
    while body < have:
        byte = buf[body]
        body += 1
        size |= (byte & 0x7F) << shift
        if byte < 0x80:
            return body, body + size
        shift += 7
        if shift > 21:
            raise LinkError("protocol: length")
    return None
