"""How a session is opened on a new link, stage by stage. In memory only while it is.

Source: OASIS MQTT Version 3.1.1, sections 3.1 and 3.2.
"""

from micropython import const

from firmware import packet
from firmware.errors import LinkError

# How long each stage may take; with what the session looks at in between no more than 30 s.
_TCP_MS = const(6_000)
_TLS_MS = const(10_000)
_CONNACK_MS = const(6_000)


async def log_in(session, clean):
    """Return when the broker has let us in. Raises what kept it from that."""
    link = session.link
    address = await session.resolve(session.server)
    session.begin("tcp", _TCP_MS)
    link.open(address, session.port)
    await link.connected()
    session.begin("tls", _TLS_MS)
    if session.ssl:
        link.secure(session.ssl, session.server)
    # CONNECT is the write that drives the handshake, and leaves after it.
    link.put(connect_into(link.tx, session, clean))
    await link.drain()
    session.begin("connack", _CONNACK_MS)

    def answered(at, body, end):
        session.present = parse_connack(link.rx, at, body, end)
        return True

    await link.read(answered)
    if clean and session.present:
        raise LinkError("protocol: session present")


def connect_into(buf, client, clean):
    """Write CONNECT; return its size. client has the fields of umqtt.simple's MQTTClient."""
    flags = 0x02 if clean else 0
    fields = [client.client_id]
    if client.lw_topic:
        flags |= 0x04 | client.lw_qos << 3 | (0x20 if client.lw_retain else 0)
        fields += (client.lw_topic, client.lw_msg)
    if client.user is not None:
        flags |= 0xC0
        fields += (client.user, client.pswd)
    size = 10
    for field in fields:
        size += 2 + len(field)
    at = packet.text(buf, packet.header(buf, 0x10, size), b"MQTT")
    buf[at] = 4
    buf[at + 1] = flags
    at = packet.number(buf, at + 2, client.keepalive)
    for field in fields:
        at = packet.text(buf, at, field)
    return at


def parse_connack(buf, at, body, end):
    """Return True if the broker kept our session. Raises LinkError if we are not in."""
    if buf[at] != 0x20 or end != body + 2 or buf[body] > 1:
        raise LinkError("protocol: CONNACK")
    if buf[body + 1]:
        raise LinkError("auth:%d" % buf[body + 1])
    return buf[body] == 1
