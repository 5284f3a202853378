"""Runs main.py, or plain umqtt.simple, beside a task that wants to run every 20 ms.

Arguments: those of main.py, or `umqtt_simple` and the path of an order for retry.py.
Prints "late [us, ...]" every second: how late each of the task's turns was.
"""

import asyncio
import sys
import time

TURN_US = 20_000
TURNS = 50

run = asyncio.run


async def tick():
    due = time.ticks_us()
    while True:
        late_us = []
        for _ in range(TURNS):
            due = time.ticks_add(due, TURN_US)
            wait_us = time.ticks_diff(due, time.ticks_us())
            if wait_us > 0:
                # asyncio counts in ms: the rest of one is no lateness.
                await asyncio.sleep_ms((wait_us + 999) // 1000)
            else:
                await asyncio.sleep_ms(0)
            late_us.append(max(time.ticks_diff(time.ticks_us(), due), 0))
        print("late", late_us)


async def beside(main):
    asyncio.create_task(tick())
    await asyncio.sleep_ms(0)
    await main


async def plain():
    await asyncio.sleep_ms(0)
    __import__("retry")


asyncio.run = lambda main: run(beside(main))
if sys.argv[1] == "umqtt_simple":
    sys.argv.pop(1)
    asyncio.run(plain())
else:
    __import__("main")
