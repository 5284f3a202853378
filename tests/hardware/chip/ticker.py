# type: ignore
"""How long the thread stands still while something is done: the gaps of a 10 ms ticker."""

import asyncio
import time

_TICK_MS = 10


async def _tick(told):
    last = time.ticks_ms()
    while True:
        await asyncio.sleep_ms(_TICK_MS)
        now = time.ticks_ms()
        told["longest_ms"] = max(told["longest_ms"], time.ticks_diff(now, last))
        told["ticks"] += 1
        last = now


def measured(job, limit_ms):
    """Run the coroutine function job; return the longest gap meanwhile and the number of ticks."""
    told = {"longest_ms": 0, "ticks": 0}

    async def both():
        ticker = asyncio.create_task(_tick(told))
        try:
            await asyncio.sleep_ms(5 * _TICK_MS)
            await asyncio.wait_for_ms(job(), limit_ms)
            # The tick that was held up last is counted, too.
            await asyncio.sleep_ms(5 * _TICK_MS)
        finally:
            ticker.cancel()

    asyncio.run(both())
    return told
