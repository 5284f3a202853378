"""A broker for one client of fakes/flaky_socket.py, with a session that it keeps or forgets.

It keeps to MQTT 3.1.1 and complains when the client does not.
"""

_CONNECT, _PUBLISH, _PUBACK, _SUBSCRIBE, _PING, _DISCONNECT = 1, 3, 4, 8, 12, 14


def text(data):
    return bytes((len(data) >> 8, len(data) & 0xFF)) + data


def framed(first, body):
    """Return a packet."""
    size = len(body)
    header = bytearray((first,))
    while True:
        header.append(size & 0x7F | (0x80 if size > 0x7F else 0))
        size >>= 7
        if not size:
            return bytes(header) + body


def publish(topic, message, packet_id=0, flags=0):
    """Return a PUBLISH, with QoS 1 if it has an id."""
    body = text(topic)
    if packet_id:
        body += bytes((packet_id >> 8, packet_id & 0xFF))
        flags |= 2
    return framed(0x30 | flags, body + message)


class StrictBroker:
    def __init__(self, time, remembers=True, latency_ms=20, greets=b"hello", pushes=()):
        """Keep sessions or not (remembers).

        greets      message for each new subscription
        pushes      {number of messages received: message to send then}
        """
        self.latency_ms = latency_ms
        self.remembers = remembers
        self.received = []  # messages in the order of arrival, again when they came again
        self.pings = self.disconnects = self.logins = self.subscribes = 0
        self.packets = 0
        self.complaints = []
        self._time = time
        self._greets = greets
        self._pushes = dict(pushes)
        self._sock = None
        self._bytes = b""
        self._forget()

    @property
    def is_owed(self):
        """True while it waits for the client to acknowledge a message."""
        return bool(self._open)

    def feed(self, sock, data):
        """Take bytes of a client."""
        if sock is not self._sock:  # a newer link takes the session over
            self._sock = sock
            self._bytes = b""
            self._is_in = False
            self._sent_ids = set()  # on this link
        self._bytes += data
        while self._sock is sock:
            bounds = self._bounds()
            if bounds is None:
                return
            body, end = bounds
            first, content = self._bytes[0], self._bytes[body:end]
            self._bytes = self._bytes[end:]
            self._act(first, content)

    def lost(self, sock):
        """Be told that a link has ended."""
        if sock is self._sock:
            self._sock = None

    def send(self, data):
        sock = self._sock
        self._time.at(self.latency_ms, lambda: sock is self._sock and sock.deliver(data))

    def _forget(self):
        self._has_session = False
        self._topics = []
        self._open = []  # (id, message) that wait for the client's PUBACK
        self._next_id = 1

    def _bounds(self):
        size = shift = 0
        for at in range(1, min(5, len(self._bytes))):
            byte = self._bytes[at]
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                end = at + 1 + size
                return (at + 1, end) if end <= len(self._bytes) else None
        return None

    def _complain(self, about):
        self.complaints.append(about)

    def _act(self, first, content):
        kind = first >> 4
        self.packets += 1
        if (kind == _CONNECT) == self._is_in:
            self._complain("packet %02x when logged in: %s" % (first, self._is_in))
        elif kind == _CONNECT:
            self._connect(content)
        elif kind == _PUBLISH:
            self._publish(first, content)
        elif first == _PUBACK << 4 and len(content) == 2:
            self._acked(content[0] << 8 | content[1])
        elif first == _SUBSCRIBE << 4 | 2:
            self._subscribe(content)
        elif first == _PING << 4 and not content:
            self.pings += 1
            self.send(b"\xd0\x00")
        elif first == _DISCONNECT << 4 and not content:
            self.disconnects += 1
            self._sock.hang_up()
        else:
            self._complain("packet %02x of %d bytes" % (first, len(content)))

    def _connect(self, content):
        if content[:7] != b"\x00\x04MQTT\x04":
            self._complain("CONNECT")
        self._is_in = True
        self.logins += 1
        if content[7] & 2 or not self.remembers:
            self._forget()
        self._is_resumed = self._is_kept = self._has_session
        self._has_session = True
        self.send(b"\x20\x02\x01\x00" if self._is_resumed else b"\x20\x02\x00\x00")
        for packet_id, message in self._open:
            self._send(packet_id, message, 8)

    def _publish(self, first, content):
        end = 2 + (content[0] << 8 | content[1])
        qos = first >> 1 & 3
        packet_id = content[end] << 8 | content[end + 1] if qos else 0
        if qos > 1 or (qos and not packet_id):
            self._complain("PUBLISH")
            return
        if first & 8:
            # Again is what a resumed session begins with, and nothing else.
            if not self._is_resumed:
                self._complain("DUP of id %d" % packet_id)
        else:
            self._is_resumed = False
            if self._is_kept and content[end + 2 :] in self.received:
                self._complain("again, but not marked as such")
        self.received.append(content[end + 2 if qos else end :])
        if qos:
            self.send(bytes((0x40, 2, packet_id >> 8, packet_id & 0xFF)))
        if len(self.received) in self._pushes and self._topics:
            self._push(self._pushes.pop(len(self.received)))

    def _subscribe(self, content):
        size = content[2] << 8 | content[3]
        self.subscribes += 1
        self._topics.append(content[4 : 4 + size])
        if len(content) != 5 + size or not content[0] << 8 | content[1]:
            self._complain("SUBSCRIBE")
        self.send(b"\x90\x03" + content[:2] + content[-1:])
        self._push(self._greets)

    def _push(self, message):
        self._open.append((self._next_id, message))
        self._send(self._next_id, message, 0)
        self._next_id += 1

    def _send(self, packet_id, message, flags):
        self._sent_ids.add(packet_id)
        self.send(publish(self._topics[0], message, packet_id, flags))

    def _acked(self, packet_id):
        if packet_id not in self._sent_ids:
            self._complain("PUBACK for id %d" % packet_id)
        self._sent_ids.discard(packet_id)
        self._open = [one for one in self._open if one[0] != packet_id]
