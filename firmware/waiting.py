"""Calls of a session that return when the broker has answered. Loaded when one is made.

Here answered is an Event of the session's: set when the broker has answered something or there
may be room again. Who waits looks again.
"""

from firmware import packet
from firmware.errors import LinkError


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


async def publish(session, topic, msg, retain, qos):
    if qos == 0:
        await _room(session)
        link = session.link
        link.put(packet.publish_into(link.tx, topic, msg, retain, 0, False))
        return
    ticket = _Ticket(topic, msg, retain)
    while not ticket.is_done:
        if not ticket.is_sent:
            ticket.is_sent = session.try_publish(topic, msg, retain, ticket, None)
        await _news(session)


async def subscribe(session, topic, qos):
    await _room(session)
    window = session.window
    window.subscribe(topic, qos)
    while topic in window.asked.values():
        await _news(session)
    if topic not in window.topics:
        raise LinkError("subscription refused")
    return window.topics[topic]


async def _room(session):
    while not session.has_room:
        await _news(session)


async def _news(session):
    session.answered.clear()
    await session.answered.wait()
