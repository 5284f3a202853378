"""What outlives a link: messages without their acknowledgement, subscriptions, ids handled lately.

Also which packets a broker must not send. What it sends to a subscriber is for inbound.py.
"""

from firmware import packet
from firmware.errors import LinkError


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

    def take(self, at, body, end):
        """Act on the packet rx[at:end]. Raises LinkError for one that a broker must not send."""
        rx = self.link.rx
        first = rx[at]
        if first == 0x40 and end == body + 2:
            self._acked(rx[body] << 8 | rx[body + 1])
        elif first & 0xF0 == 0x30 or first == 0x90:
            from firmware import inbound

            inbound.take(self, first, body, end)
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
