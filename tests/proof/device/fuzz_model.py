"""What a broker's bytes must do to the session, told by a second reading of the standard.

Source: OASIS MQTT Version 3.1.1. Where the standard leaves room: the agent subscribes with QoS 1
at most, so that QoS 2 is an error too; a topic has at least one byte; a message that is larger
than the buffer is acknowledged and not handed over, if its topic fits into the buffer.
"""

REMEMBERED = 20


class Model:
    """One client over all of its links. `events` and `replies` are what should happen."""

    def __init__(self, limit):
        """limit is how many bytes of one packet the client can hold."""
        self.open = {}  # packet id -> ref
        self.events = []  # ("message", topic, message), ("ack", ref), ("rewind",)
        self.replies = []  # ids of PUBACKs, in order
        self.answered = set()  # ids of SUBACKs
        self.error = None
        self._limit = limit
        self._handled = []
        self._bytes = b""
        self._skip = 0
        self.is_in = False

    @property
    def is_amid(self):
        """True while a packet has come in part."""
        return bool(self._skip or self._bytes)

    def connected(self, is_in):
        """Begin a link, before its CONNACK or behind it."""
        self.error = None
        self._bytes = b""
        self._skip = 0
        self.is_in = is_in
        self.answered = set()

    def forget(self):
        """The broker has no session: nothing is open any more."""
        if self.open:
            self.events.append(("rewind",))
        self.open.clear()
        self._handled = []

    def feed(self, data):
        """Take bytes; nothing happens behind an error."""
        self._bytes += data
        while self._bytes and not self.error:
            if self._skip:
                count = min(self._skip, len(self._bytes))
                self._skip -= count
                self._bytes = self._bytes[count:]
                continue
            bounds = self._frame()
            if bounds is None:
                return
            body, end = bounds
            packet = self._bytes[:end]
            if len(packet) < end and not end > self._limit <= len(packet):
                return
            if end > self._limit:
                packet = packet[: self._limit]  # so much of it was there to be judged
                self._skip = max(0, end - len(self._bytes))
            self._bytes = self._bytes[end:]
            self._judge(packet[0], packet[body:], end - body)

    def _frame(self):
        size = 0
        for at in range(1, min(5, len(self._bytes))):
            byte = self._bytes[at]
            size |= (byte & 0x7F) << 7 * (at - 1)
            if byte < 0x80:
                return at + 1, at + 1 + size
        if len(self._bytes) >= 5:
            self.error = "length"
        return None

    def _judge(self, first, body, size):
        """Act on a packet with size bytes behind its fixed header, body as far as it is held."""
        kind = first >> 4
        if not self.is_in:
            self._connack(first, body, size)
        elif kind == 3:
            self._publish(first, body, size)
        elif first == 0x40 and size == 2:
            ref = self.open.pop(body[0] << 8 | body[1], None)
            if ref is not None:
                self.events.append(("ack", ref))
        elif first == 0x90 and size == 3:
            self.answered.add(body[0] << 8 | body[1])
        elif first != 0xD0 or size:
            self.error = "packet"

    def _connack(self, first, body, size):
        if first != 0x20 or size != 2 or body[0] > 1:
            self.error = "CONNACK"
        elif body[1]:
            self.error = "refused"
        else:
            self.is_in = True
            if not body[0]:
                self.forget()

    def _publish(self, first, body, size):
        qos = first >> 1 & 3
        if qos > 1 or len(body) < 2:
            self.error = "PUBLISH"
            return
        end = 2 + (body[0] << 8 | body[1])
        start = end + 2 * qos
        if end == 2 or start > len(body):
            self.error = "topic"
            return
        packet_id = body[end] << 8 | body[end + 1] if qos else 0
        if qos and not packet_id:
            self.error = "id"
            return
        if not self._is_again(first, body, qos):
            message = body[start:] if len(body) == size else None
            self.events.append(("message", body[2:end], message))
        if qos:
            self.replies.append(packet_id)

    def _is_again(self, first, body, qos):
        if not qos:
            return False
        if first & 8 and body in self._handled:
            return True
        self._handled = (self._handled + [body])[-REMEMBERED:]
        return False
