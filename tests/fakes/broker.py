"""A scripted broker in the same process, on plain TCP: it says what a test has it say.

It keeps what it received as tuples: ("connect", {...}), ("publish", {...}), ("ping",) ...
"""

import asyncio


class Broker:
    def __init__(self):
        self.packets = []
        self.connack = [b"\x20\x02\x00\x00"]  # one per connection; the last is used again
        self.acks = True  # answer a PUBLISH with its PUBACK
        self.answers_ping = True
        self.greeting = b""  # sent right behind the CONNACK
        self.mute = False  # accept, and say nothing at all
        self.suback = 1  # the code of every SUBACK, None for no answer
        self.writer = None
        self.connections = 0
        self._server = None
        self.port = 0

    async def start(self, port=21000):
        """Listen on this port, or on the first free one behind it."""
        while True:
            try:
                self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
                break
            except OSError:
                port += 1
        self.port = port

    def stop(self):
        """Let the port go; connections stay as they are."""
        self._server.close()

    def having(self, kind):
        return [packet[1] for packet in self.packets if packet[0] == kind]

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def cut(self):
        self.writer.close()
        await self.writer.wait_closed()

    async def _serve(self, reader, writer):
        self.writer = writer
        # TCP_NODELAY: no answer waits for an ACK of the one before it.
        writer.s.setsockopt(6, 1, 1)
        self.connections += 1
        try:
            while True:
                first = (await reader.readexactly(1))[0]
                size = shift = 0
                while True:
                    byte = (await reader.readexactly(1))[0]
                    size |= (byte & 0x7F) << shift
                    shift += 7
                    if byte < 0x80:
                        break
                body = await reader.readexactly(size)
                if not self.mute:
                    await self._answer(first, body)
        except (EOFError, OSError):
            pass
        finally:
            writer.close()
            await writer.wait_closed()

    async def _answer(self, first, body):
        kind = first & 0xF0
        if kind == 0x10:
            self.packets.append(("connect", parse_connect(body)))
            connack = self.connack.pop(0) if len(self.connack) > 1 else self.connack[0]
            await self.send(connack + self.greeting)
        elif kind == 0x30:
            packet = parse_publish(first, body)
            self.packets.append(("publish", packet))
            if self.acks and packet["id"]:
                await self.send(bytes((0x40, 2, packet["id"] >> 8, packet["id"] & 255)))
        elif kind == 0x80:
            self.packets.append(("subscribe", body[4:-1]))
            if self.suback is not None:
                await self.send(bytes((0x90, 3, body[0], body[1], self.suback)))
        elif kind == 0xC0:
            self.packets.append(("ping", None))
            if self.answers_ping:
                await self.send(b"\xd0\x00")
        else:
            self.packets.append(({0x40: "puback", 0xE0: "disconnect"}[kind], body))


def parse_connect(body):
    fields = []
    at = 10
    while at < len(body):
        size = body[at] << 8 | body[at + 1]
        fields.append(body[at + 2 : at + 2 + size])
        at += 2 + size
    return {
        "protocol": body[2:7],
        "flags": body[7],
        "keepalive_s": body[8] << 8 | body[9],
        "fields": fields,
    }


def parse_publish(first, body):
    size = body[0] << 8 | body[1]
    at = 2 + size
    packet_id = 0
    if first & 6:
        packet_id = body[at] << 8 | body[at + 1]
        at += 2
    return {
        "topic": body[2 : 2 + size],
        "message": body[at:],
        "qos": first >> 1 & 3,
        "retain": first & 1,
        "dup": bool(first & 8),
        "id": packet_id,
    }
