"""What is done first on a new link: all that the last one owed is under way again.

In memory only then.

Source: OASIS MQTT Version 3.1.1, section 4.4.
"""

from firmware import packet


async def resume(window, present):
    """Begin on a new link: send again what was not answered, in order.

    If the broker has forgotten the session (not present), the messages are handed back: each
    owner is told once. The subscriptions are asked for anew.
    """
    link = window.link
    window.since = window.clock.ticks_ms()
    if present:
        for number, packet_id in enumerate(window.ids):
            topic, msg, retain = window.owners[number].message(window.refs[number])
            link.put(packet.publish_into(link.tx, topic, msg, retain, packet_id, True))
            await link.drain()
    else:
        _forget(window)
    if window.asked or not present:
        window.asked.clear()
        if window.topics:
            await _subscribe(window)


async def _subscribe(window):
    from firmware import inbound

    for topic in list(window.topics):
        inbound.subscribe(window, topic, window.topics[topic])
        await window.link.drain()


def _forget(window):
    owners = set(window.owners)
    window.ids.clear()
    window.owners.clear()
    window.refs.clear()
    window.handled.clear()
    for owner in owners:
        owner.rewind()
