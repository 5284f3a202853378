"""Log in and leave again and again on one TLS context: nettls.py HOST PORT CA COUNT LEAK.

LEAK is how many bytes to lose each time, for who wants to see that it is found out. Prints the
live heap after each, in bytes, and then waits for a byte on stdin, so that whoever started it can
look at the process in between.
"""

import asyncio
import gc
import sys
import time

sys.path[:] = [".frozen", ".", "lib"]

from firmware import transport
from firmware.log import Log, Root
from firmware.mqtt import Session


class Ticks:
    ticks_ms = staticmethod(time.ticks_ms)
    ticks_diff = staticmethod(time.ticks_diff)
    ticks_add = staticmethod(time.ticks_add)
    sleep_ms = staticmethod(asyncio.sleep_ms)


async def as_it_is(host):
    return host


async def main(host, port, ca, count, leak):
    lost = None
    session = Session(
        b"d1",
        host,
        port,
        b"d1",
        b"the-password",
        60,
        transport.context(ca),
        gate=None,
        resolve=as_it_is,
        clock=Ticks,
        log=Log("mqtt", Root(time.ticks_ms, "E")),
        backoff=None,
        ready=asyncio.Event(),
        doubted=asyncio.Event(),
    )
    for _ in range(count):
        await session.connect()
        await session.disconnect()
        lost = leak and [lost, bytes(leak)]
        gc.collect()
        print(gc.mem_alloc())
        sys.stdin.read(1)


with open(sys.argv[3], "rb") as file:
    trusted = file.read()
asyncio.run(main(sys.argv[1], int(sys.argv[2]), trusted, int(sys.argv[4]), int(sys.argv[5])))
