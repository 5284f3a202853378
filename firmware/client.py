"""A session with all that umqtt.simple's client has, for who writes against that one.

The agent does not load it: it gives messages by reference, see mqtt.py. Here publish() and
subscribe() return when the broker has answered: `answered` is an Event of the session's, set when
the broker has answered something or there may be room again. Who waits looks again.
"""

from firmware import inbound, packet, transport
from firmware.errors import LinkError
from firmware.mqtt import Session


class _Ticket:
    """The owner of one message that somebody waits for (see mqtt.py)."""

    def __init__(self, *message):
        self._message = message
        self.is_sent = self.is_done = False

    def message(self, _ref):
        return self._message

    def acked(self, _ref):
        self.is_done = True

    def rewind(self):
        self.is_sent = False


class Client(Session):
    async def publish(self, topic, msg, retain=False, qos=0):
        """Send one message; with QoS 1 return when the broker has acknowledged it."""
        if qos == 0:
            await self._room()
            link = self.link
            link.put(packet.publish_into(link.tx, topic, msg, retain, 0, False))
            return
        ticket = _Ticket(topic, msg, retain)
        while not ticket.is_done:
            if not ticket.is_sent:
                ticket.is_sent = self.try_publish(topic, msg, retain, ticket, None)
            await self._news()

    async def subscribe(self, topic, qos=0):
        """Subscribe to one filter, now and in every new session; return the QoS granted.

        Raises LinkError if the broker refuses it. A lost link does not end the wait.
        """
        await self._room()
        window = self.window
        inbound.subscribe(window, topic, qos)
        while topic in window.asked.values():
            await self._news()
        if topic not in window.topics:
            raise LinkError("subscription refused")
        return window.topics[topic]

    def ping(self):
        self.link.put_short(transport.PINGREQ)

    async def _room(self):
        while not self.has_room:
            await self._news()

    async def _news(self):
        self.answered.clear()
        await self.answered.wait()
