"""Messages sent with QoS 1 and not yet acknowledged, and the packet ids they hold."""


class Window:
    """Each message is (packet id, owner, ref), oldest first. See mqtt.py for what an owner is."""

    def __init__(self, size):
        self.size = size
        self._open = []
        self._last_id = 0
        self.reserved = {}  # packet id of a SUBSCRIBE: the code it got, None while open

    def __len__(self):
        return len(self._open)

    def __iter__(self):
        return iter(self._open)

    @property
    def is_full(self):
        return len(self._open) >= self.size

    def next_id(self):
        """Return a packet id, 1..65535, that nothing open has."""
        while True:
            self._last_id = self._last_id % 65535 + 1
            if self._last_id not in self.reserved and self._find(self._last_id) is None:
                return self._last_id

    def add(self, packet_id, owner, ref):
        self._open.append((packet_id, owner, ref))

    def acked(self, packet_id):
        """Let the owner know and free the id; return False if nothing open has it."""
        number = self._find(packet_id)
        if number is None:
            return False
        _, owner, ref = self._open.pop(number)
        owner.acked(ref)
        return True

    def rewind(self):
        """Forget all: the broker has forgotten the session. Each owner is told once."""
        owners = []
        for _, owner, _ in self._open:
            if owner not in owners:
                owners.append(owner)
        self._open.clear()
        for owner in owners:
            owner.rewind()

    def _find(self, packet_id):
        # Acknowledgements come in order: what is looked for is nearly always the first.
        for number, entry in enumerate(self._open):
            if entry[0] == packet_id:
                return number
        return None


class Ticket:
    """The owner of one message that somebody waits for."""

    def __init__(self, topic, msg, retain):
        self._message = (topic, msg, retain)
        self.is_sent = self.is_done = False

    def message(self, _ref):
        return self._message

    def acked(self, _ref):
        self.is_done = True

    def rewind(self):
        self.is_sent = False
