"""Packets from the broker: what each of them does, and which of them a broker must not send."""

from firmware import packet
from firmware.errors import LinkError


class Inbound:
    """Takes the packets of one link (see Link.read)."""

    def __init__(self, link, window, log, acked, deliver):
        """acked() is called after a PUBACK of ours, deliver(topic, message) for a message."""
        self._link = link
        self._window = window
        self._log = log
        self._acked = acked
        self._deliver = deliver

    def take(self, at, body, end):
        """Act on the packet rx[at:end]. Raises LinkError for one that a broker must not send."""
        rx = self._link.rx
        first = rx[at]
        if first & 0xF0 == packet.PUBLISH:
            self._message(rx, first, body, end)
        elif first == packet.PUBACK and end == body + 2:
            # An id that is not open is an answer to what a former link sent twice.
            if self._window.acked(rx[body] << 8 | rx[body + 1]):
                self._acked()
        elif first == packet.SUBACK and end == body + 3:
            packet_id = rx[body] << 8 | rx[body + 1]
            if packet_id in self._window.reserved:
                self._window.reserved[packet_id] = rx[body + 2]
        elif first != packet.PINGRESP or end != body:
            raise LinkError("protocol: packet %02x" % first)

    def _message(self, rx, first, body, end):
        have = min(end, len(rx))
        topic_at, topic_end, packet_id, message_at = packet.parse_publish(
            rx, first, body, have, end
        )
        if packet_id:
            self._link.put_short(packet.puback(packet_id))
        if end > have:
            self._log.warn("message_oversize", bytes=end - message_at)
        else:
            self._deliver(bytes(rx[topic_at:topic_end]), bytes(rx[message_at:end]))
