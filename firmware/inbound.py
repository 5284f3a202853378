"""Topics that are subscribed to, and the messages that come for them.

A session that subscribes to nothing never loads this. Source: OASIS MQTT Version 3.1.1, sections
3.3, 3.8, 3.9 and 4.3.
"""

import binascii

from micropython import const

from firmware import packet
from firmware.errors import LinkError

_REFUSED = const(0x80)
# As many as a broker has on the way to us at once, by mosquitto's default.
_MAX_HANDLED = const(20)


def subscribe(window, topic, qos):
    """Send a SUBSCRIBE and keep it in mind."""
    packet_id = window.next_id()
    link = window.link
    size = subscribe_into(link.tx, topic, qos, packet_id)
    window.topics[topic] = qos
    window.asked[packet_id] = topic
    link.put(size)


def take(window, first, body, end):
    """Act on a PUBLISH or a SUBACK in the link's rx, of which first is the first byte."""
    rx = window.link.rx
    if first != 0x90:
        _message(window, rx, first, body, end)
    elif end == body + 3:
        _granted(window, rx[body] << 8 | rx[body + 1], rx[body + 2])
    else:
        raise LinkError("protocol: packet 90")


def _granted(window, packet_id, code):
    topic = window.asked.pop(packet_id, None)
    if topic is None:
        return
    if code < _REFUSED:
        window.topics[topic] = code
    else:
        window.log.warn("subscription_refused", topic=topic.decode())
        window.topics.pop(topic, None)  # it may have been asked for twice
    window.moved()


def _message(window, rx, first, body, end):
    have = min(end, len(rx))
    topic_at, topic_end, packet_id, message_at = parse_publish(rx, first, body, have, end)
    client = window.client
    message = None
    if end > have:
        window.log.warn("message_oversize", bytes=end - message_at)
    else:
        message = bytes(rx[message_at:end])
    if client.cb and not _is_duplicate(window.handled, packet_id, first, rx[body:have]):
        client.retained = first & 1
        try:
            client.cb(bytes(rx[topic_at:topic_end]), message)
        except Exception as exc:  # a message that cannot be handled must not come for ever
            window.log.error("message_failed", why=repr(exc))
    if packet_id:
        window.link.put_short(bytes((0x40, 2, packet_id >> 8, packet_id & 0xFF)))


def _is_duplicate(handled, packet_id, first, data):
    """Tell whether this was handled lately; keep it in mind if it was not.

    Brokers use an id again once it was acknowledged: the content has to be the same too.
    """
    if not packet_id:
        return False
    check = binascii.crc32(data)
    if first & 0x08 and check in handled:
        return True
    handled.append(check)
    if len(handled) > _MAX_HANDLED:
        handled.pop(0)
    return False


def subscribe_into(buf, topic, qos, packet_id):
    """Write SUBSCRIBE for one topic filter; return its size."""
    at = packet.number(buf, packet.header(buf, 0x82, 5 + len(topic)), packet_id)
    at = packet.text(buf, at, topic)
    buf[at] = qos
    return at + 1


def parse_publish(buf, first, start, have, end):
    """Return (topic from, topic to, packet id or 0, message from) of a PUBLISH.

    first       its first byte
    start, end  what follows the fixed header; only what is below have is in buf
    Raises LinkError for a malformed one.
    """
    qos = first >> 1 & 3
    topic_at = start + 2
    # We never subscribe above 1; 3 is no QoS at all.
    if qos < 2 and topic_at <= have:
        topic_end = topic_at + (buf[start] << 8 | buf[start + 1])
        message_at = topic_end + 2 * qos
        if topic_at < topic_end and message_at <= have:
            packet_id = buf[topic_end] << 8 | buf[topic_end + 1] if qos else 0
            if packet_id or not qos:
                return topic_at, topic_end, packet_id, message_at
    raise LinkError("protocol: PUBLISH")
