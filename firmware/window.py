"""What outlives a link: messages without their acknowledgement, subscriptions, ids handled lately.

Also what each packet from the broker does to them, and which packets a broker must not send.
"""

import binascii

from micropython import const

from firmware import packet
from firmware.errors import LinkError

_REFUSED = const(0x80)
# As many as a broker has on the way to us at once, by mosquitto's default.
_MAX_HANDLED = const(20)


class Window:
    def __init__(self, size, link, clock, log, client, moved):
        """See mqtt.py for owners.

        client      has cb(topic, message) for each message that comes, or None
        moved()     is told that the broker has answered something
        """
        self.size = size
        self.link = link
        self.clock = clock
        self.log = log
        self.client = client
        self.moved = moved
        self.since = 0  # ticks: when the broker last answered, or began to owe an answer
        # The open messages, oldest first.
        self.ids = []
        self.owners = []
        self.refs = []
        self.topics = {}  # subscriptions to be had: filter -> QoS
        self.asked = {}  # packet id of a SUBSCRIBE without its answer -> filter
        self._last_id = 0
        self.handled = []  # checksums of inbound QoS 1 messages, id included

    def next_id(self):
        """Return a packet id, 1..65535, that nothing open has."""
        if not self.ids and not self.asked:
            self.since = self.clock.ticks_ms()
        while True:
            self._last_id = self._last_id % 65535 + 1
            if self._last_id not in self.ids and self._last_id not in self.asked:
                return self._last_id

    def publish(self, topic, msg, retain, owner, ref):
        """Send a message with QoS 1 and keep it in mind."""
        packet_id = self.next_id()
        link = self.link
        size = packet.publish_into(link.tx, topic, msg, retain, packet_id, False)
        self.ids.append(packet_id)
        self.owners.append(owner)
        self.refs.append(ref)
        link.put(size)

    def subscribe(self, topic, qos):
        """Send a SUBSCRIBE and keep it in mind."""
        packet_id = self.next_id()
        link = self.link
        size = packet.subscribe_into(link.tx, topic, qos, packet_id)
        self.topics[topic] = qos
        self.asked[packet_id] = topic
        link.put(size)

    def take(self, at, body, end):
        """Act on the packet rx[at:end]. Raises LinkError for one that a broker must not send."""
        rx = self.link.rx
        first = rx[at]
        if first & 0xF0 == 0x30:
            self._message(rx, first, body, end)
        elif first == 0x40 and end == body + 2:
            self._acked(rx[body] << 8 | rx[body + 1])
        elif first == 0x90 and end == body + 3:
            self._granted(rx[body] << 8 | rx[body + 1], rx[body + 2])
        elif first != 0xD0 or end != body:  # all that is left is the answer to a ping
            raise LinkError("protocol: packet %02x" % first)

    def _acked(self, packet_id):
        # An id that is not open is an answer to what a former link sent twice.
        if packet_id in self.ids:
            number = self.ids.index(packet_id)
            self.ids.pop(number)
            self.since = self.clock.ticks_ms()
            self.owners.pop(number).acked(self.refs.pop(number))
            self.moved()

    def _granted(self, packet_id, code):
        topic = self.asked.pop(packet_id, None)
        if topic is None:
            return
        if code < _REFUSED:
            self.topics[topic] = code
        else:
            self.log.warn("subscription_refused", topic=topic.decode())
            self.topics.pop(topic, None)  # it may have been asked for twice
        self.moved()

    def _message(self, rx, first, body, end):
        have = min(end, len(rx))
        topic_at, topic_end, packet_id, message_at = packet.parse_publish(
            rx, first, body, have, end
        )
        client = self.client
        message = None
        if end > have:
            self.log.warn("message_oversize", bytes=end - message_at)
        else:
            message = bytes(rx[message_at:end])
        if client.cb and not self._is_duplicate(packet_id, first, rx[body:have]):
            client.retained = first & 1
            try:
                client.cb(bytes(rx[topic_at:topic_end]), message)
            except Exception as exc:  # a message that cannot be handled must not come for ever
                self.log.error("message_failed", why=repr(exc))
        if packet_id:
            self.link.put_short(bytes((0x40, 2, packet_id >> 8, packet_id & 0xFF)))

    def _is_duplicate(self, packet_id, first, data):
        """Tell whether this was handled lately; keep it in mind if it was not.

        Brokers use an id again once it was acknowledged: the content has to be the same too.
        """
        if not packet_id:
            return False
        check = binascii.crc32(data)
        if first & 0x08 and check in self.handled:
            return True
        self.handled.append(check)
        if len(self.handled) > _MAX_HANDLED:
            self.handled.pop(0)
        return False
