"""Publishes messages with QoS 1 over TLS, as fast as the client can; tells what it took.

Argument: the path of a JSON object.

    client      "ways" (our session) or "umqtt_simple"
    host, port, ca, user, folder (scratch)
    count, topic, payload
    window      of our session; umqtt.simple has one message on the way
    pause_ms    between two messages, 0 for none
    gc          false: nothing is collected, so that heap is all that was ever taken

Prints {"connect_ms", "elapsed_ms", "cpu_us", "heap"}; the last three are of the messages alone.
"""

import asyncio
import gc
import json
import sys
import time

CONNECT_MS = 20_000


def cpu_us():
    """Return the CPU time of this process: both of its own and the kernel's for it."""
    with open("/proc/self/schedstat") as file:
        return int(file.read().split()[0]) // 1000


class Measure:
    """Times what is done between start() and end()."""

    def __init__(self, order):
        if not order.get("gc", True):
            gc.collect()
            gc.disable()

    def start(self):
        self.heap, self.cpu_us, self.ticks = gc.mem_alloc(), cpu_us(), time.ticks_ms()

    def end(self, connect_ms):
        heap = gc.mem_alloc() - self.heap
        elapsed_ms = time.ticks_diff(time.ticks_ms(), self.ticks)
        used_us = cpu_us() - self.cpu_us
        answer = {"connect_ms": connect_ms, "elapsed_ms": elapsed_ms, "cpu_us": used_us}
        answer["heap"] = heap
        print(json.dumps(answer))


class Ours:
    """The owner of the messages: sends the next one as soon as there is room, as a publisher."""

    def __init__(self, order):
        from firmware import transport
        from firmware.backoff import Backoff
        from firmware.board_unix import Board
        from firmware.clock import Clock
        from firmware.dns import Resolver
        from firmware.log import Log, Root
        from firmware.mqtt import Session
        from firmware.retained import Retained

        self.left = self.waiting = order["count"]
        self.topic = order["topic"].encode()
        self.payload = order["payload"].encode()
        self.pause_ms = order.get("pause_ms", 0)
        self.ready = asyncio.Event()
        self.done = asyncio.Event()
        board = Board(order["folder"])
        clock = Clock(board, Retained(board))
        with open(order["ca"], "rb") as file:
            context = transport.context(file.read())
        self.session = Session(
            order["user"].encode(), order["host"], order["port"], b"user", b"password", 60,
            context, gate=self.gate, resolve=Resolver(list).resolve, clock=clock,
            log=Log("load", Root(clock.ticks_ms, "E")), backoff=Backoff(500, 1000, lambda most: 0),
            ready=self.ready, doubted=asyncio.Event(), window=order.get("window", 16),
        )  # fmt: skip

    async def gate(self):
        pass

    def acked(self, _ref):
        self.waiting -= 1
        if not self.waiting:
            self.done.set()

    def message(self, _ref):
        return self.topic, self.payload, False

    def rewind(self):
        raise OSError("the link was lost")

    async def send(self):
        session, ready = self.session, self.ready
        while self.left:
            ready.clear()
            while self.left and session.has_room:
                session.try_publish(self.topic, self.payload, False, self, 0)
                self.left -= 1
                if self.pause_ms:
                    await asyncio.sleep_ms(self.pause_ms)
            if self.left:
                await ready.wait()
        await self.done.wait()

    async def run(self, order):
        started = time.ticks_ms()
        task = asyncio.create_task(self.session.run())
        await asyncio.wait_for_ms(self.session.up.wait(), CONNECT_MS)
        connect_ms = time.ticks_diff(time.ticks_ms(), started)
        measure = Measure(order)
        measure.start()
        await self.send()
        measure.end(connect_ms)
        task.cancel()


def umqtt_simple(order):
    from tlsshim import Ussl
    from umqtt.simple import MQTTClient

    sys.modules["ussl"] = Ussl(order["ca"], order["host"])
    client = MQTTClient(
        order["user"], order["host"], order["port"], "user", "password", 60, ssl=True
    )
    started = time.ticks_ms()
    client.connect(False)
    connect_ms = time.ticks_diff(time.ticks_ms(), started)
    topic, payload = order["topic"].encode(), order["payload"].encode()
    pause_ms = order.get("pause_ms", 0)
    measure = Measure(order)
    measure.start()
    for _ in range(order["count"]):
        client.publish(topic, payload, False, 1)
        if pause_ms:
            time.sleep_ms(pause_ms)
    measure.end(connect_ms)


with open(sys.argv[1]) as file:
    order = json.load(file)
if order["client"] == "ways":
    asyncio.run(Ours(order).run(order))
else:
    umqtt_simple(order)
